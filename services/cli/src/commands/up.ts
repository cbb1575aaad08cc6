import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LOG_LEVELS } from '@jspolicy/runtime';
import { type Command, Option } from 'commander';
import { CommandError, EXIT } from '../exit-codes.ts';
import { DEFAULT_MANIFESTS, dataPlaces, defaultDataRoot } from '../places.ts';
import { lockData } from '../stack/data-lock.ts';
import { untilInterrupted } from '../stack/interruption.ts';
import type { LogLevel } from '../stack/log-line.ts';
import { LocalEngine } from '../stack/local-engine.ts';
import type { ClusterChoice } from '../stack/service-env.ts';
import { type Terminal, shownPath } from '../terminal.ts';
import { httpsUrl, wholeNumber } from './option-values.ts';

interface UpOptions {
  manifests?: string;
  kubeconfig?: string;
  webhookUrl?: string;
  port: number;
  evaluators: number;
  nats?: string;
  data?: string;
  logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  jspolicy up                                  the samples of this checkout
  jspolicy up --manifests policies --port 0    a folder of yours, on a free port
  jspolicy up --kubeconfig ~/.kube/config --webhook-url https://192.0.2.7:8443
                                               the policies of a cluster, which calls this machine

A file below --manifests that is added, changed or removed takes effect within a second. One that is broken is told with
its line; the last good version of its policies stays in force.

With --kubeconfig the policies are those of the cluster. CustomResourceDefinitions are installed, and each policy has a
webhook configuration there for as long as it exists, also when this command has ended. --manifests is then applied once
(created or updated), and the folder is not watched.

Ctrl-C ends everything, in order; a second Ctrl-C at once.
Exit codes: 0 ended by a signal, 2 could not be started, 78 wrong configuration, 130 second Ctrl-C.`;

export function upCommand(program: Command, terminal: Terminal): void {
  program
    .command('up')
    .description('run the whole engine on this machine: against a folder of manifests, or a real API server')
    .option('--manifests <dir>', `folder of policies and objects (default: ${shownPath(DEFAULT_MANIFESTS)})`)
    .option('--kubeconfig <file>', 'use this API server in place of a folder')
    .option('--webhook-url <url>', 'what the API server calls (default: https://127.0.0.1:<port>); listens on all addresses')
    .option('--port <n>', 'port of the webhook; 0: a free one', wholeNumber('--port', 0, 65_535), 8443)
    .option('--evaluators <n>', 'how many evaluators', wholeNumber('--evaluators', 1, 64), 2)
    .option('--nats <url>', 'use this NATS server (with JetStream, max_payload 8454144 or more) in place of an own one')
    .option('--data <dir>', 'where streams, status, certificates and logs are kept (default: below $XDG_STATE_HOME)')
    .addOption(
      new Option('--log-level <level>', 'of the services; with debug all of it is shown here too')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpOptions) => {
      process.exitCode = await up(options, terminal);
    });
}

async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const cluster = clusterOf(options);
  const source = 'manifests' in cluster ? cluster.manifests : cluster.kubeconfig;
  const places = dataPlaces(resolve(options.data ?? defaultDataRoot(source)));
  const webhookUrl = options.webhookUrl === undefined ? undefined : httpsUrl('--webhook-url', options.webhookUrl);
  await mkdir(places.root, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw new CommandError(`${places.root} cannot be made (--data DIR names another): ${cause.message}`, { cause });
  });
  const lock = await lockData(places.lock, places.root);
  const { port, evaluators, nats: natsUrl, logLevel } = options;
  const seed = 'kubeconfig' in cluster ? options.manifests : undefined;
  const engine = new LocalEngine({ cluster, seed, places, port, evaluators, natsUrl, webhookUrl, logLevel, terminal });
  try {
    await runUntilInterrupted(engine, terminal);
    return EXIT.ok;
  } finally {
    await lock.release();
  }
}

async function runUntilInterrupted(engine: LocalEngine, terminal: Terminal): Promise<void> {
  const interrupted = untilInterrupted(() => {
    engine.kill();
    process.exit(EXIT.interrupted);
  });
  const start = engine.start();
  // When it was interrupted while it started, the start fails later, and nobody asks for that any more.
  start.catch(() => undefined);
  try {
    await Promise.race([start, interrupted]);
    await interrupted;
    terminal.note('stopping ...');
  } finally {
    await engine.stop();
  }
}

function clusterOf({ manifests, kubeconfig }: UpOptions): ClusterChoice {
  const directory = resolve(manifests ?? DEFAULT_MANIFESTS);
  if ((manifests !== undefined || kubeconfig === undefined) && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CommandError(`--manifests: ${shownPath(directory)} is no directory`);
  }
  if (kubeconfig === undefined) return { manifests: directory };
  if (!existsSync(kubeconfig)) throw new CommandError(`--kubeconfig: ${kubeconfig} does not exist`);
  return { kubeconfig: resolve(kubeconfig) };
}

import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { httpsUrl } from '../commands/option-values.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { DEFAULT_MANIFESTS, dataPlaces, defaultDataRoot } from '../places.ts';
import { shownPath, type Terminal } from '../terminal.ts';
import { dataProblem, makeDataDirectory } from './data-directory.ts';
import { lockData } from './data-lock.ts';
import { untilInterrupted } from './interruption.ts';
import { LocalEngine } from './local-engine.ts';
import type { LogLevel } from './log-line.ts';
import type { ClusterChoice } from './service-env.ts';

export interface UpOptions {
  manifests?: string;
  kubeconfig?: string;
  webhookUrl?: string;
  port: number;
  evaluators: number;
  nats?: string;
  data?: string;
  logLevel: LogLevel;
}

/** Runs until it is interrupted. Resolves with the exit code; throws CommandError. */
export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const cluster = clusterOf(options);
  const source = 'manifests' in cluster ? cluster.manifests : cluster.kubeconfig;
  const places = dataPlaces(resolve(options.data ?? defaultDataRoot(source)));
  const webhookUrl = options.webhookUrl === undefined ? undefined : httpsUrl('--webhook-url', options.webhookUrl);
  const directory = await makeDataDirectory(places.root);
  const lock = await lockData(places.lock, places.root).catch(async (error: unknown) => {
    await directory.undo();
    throw error instanceof CommandError ? error : dataProblem(places.root, error);
  });
  const { port, evaluators, nats: natsUrl, logLevel } = options;
  const seed = 'kubeconfig' in cluster ? options.manifests : undefined;
  const engine = new LocalEngine({ cluster, seed, places, port, evaluators, natsUrl, webhookUrl, logLevel, terminal });
  try {
    await runUntilInterrupted(engine, terminal);
    return EXIT.ok;
  } finally {
    await lock.release();
    await directory.undo();
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
  if (
    (manifests !== undefined || kubeconfig === undefined) &&
    !statSync(directory, { throwIfNoEntry: false })?.isDirectory()
  ) {
    throw new CommandError(`--manifests: ${shownPath(directory)} is no directory`);
  }
  if (kubeconfig === undefined) return { manifests: directory };
  if (!existsSync(kubeconfig)) throw new CommandError(`--kubeconfig: ${kubeconfig} does not exist`);
  if (statSync(kubeconfig).isDirectory()) throw new CommandError(`--kubeconfig: ${kubeconfig} is a directory`);
  return { kubeconfig: resolve(kubeconfig) };
}

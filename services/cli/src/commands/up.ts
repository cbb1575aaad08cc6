import { LOG_LEVELS } from '@jspolicy/runtime';
import { type Command, Option } from 'commander';
import { DEFAULT_MANIFESTS } from '../places.ts';
import type { UpOptions } from '../stack/up.ts';
import { shownPath, type Terminal } from '../terminal.ts';
import { wholeNumber } from './option-values.ts';

const EXAMPLES = `
Examples:
  jspolicy up                                  the samples of this checkout
  jspolicy up --manifests policies --port 0    a folder of yours, on a free port
  jspolicy up --kubeconfig ~/.kube/config --webhook-url https://192.0.2.7:8443
                                               the policies of a cluster, which calls this machine

With --manifests no cluster is involved: the policies decide what the webhook answers to whoever asks it. A file that is
added, changed or removed takes effect within a second. A document with a mistake is told with its line, and what was last
read of it stays in force; the others of its file go on. A file that is empty is taken at its word after a second or two,
because editors empty a file before they write it. A policy that is in force stays when another file has one of the same
name.

With --kubeconfig (Kubernetes 1.28 or newer) the policies are those of the cluster. CustomResourceDefinitions are installed,
and each policy has a webhook configuration there while this runs: Ctrl-C removes those that it made, the next start makes
them again. They stay when it is killed or ended by a second Ctrl-C: \`jspolicy uninstall --webhook-url URL\` removes them.
The definitions, the policies, and the namespace jspolicy with a Lease stay in any case (docs/install.md). --manifests is
then applied once (created or updated), and the folder is not watched.

Streams, status, certificates and logs are kept in --data, by default in a folder of their own for each --manifests or
--kubeconfig: $XDG_STATE_HOME/jspolicy/<hash>, or ~/.local/state/jspolicy/<hash>.

Ctrl-C ends everything, in order; a second Ctrl-C at once.
Exit codes: 0 ended by a signal, 2 could not be started, 78 wrong configuration, 130 second Ctrl-C.`;

export function upCommand(program: Command, terminal: Terminal): void {
  program
    .command('up')
    .description('run the whole engine on this machine: against a folder of manifests, or a real API server')
    .option('--manifests <dir>', `folder of policies and objects (default: ${shownPath(DEFAULT_MANIFESTS)})`)
    .option('--kubeconfig <file>', 'use this API server in place of a folder')
    .option(
      '--webhook-url <url>',
      'what the API server calls (default: https://127.0.0.1:<port>); listens on all addresses',
    )
    .option('--port <n>', 'port of the webhook; 0: a free one', wholeNumber('--port', 0, 65_535), 8443)
    .option('--evaluators <n>', 'how many evaluators', wholeNumber('--evaluators', 1, 64), 2)
    .option(
      '--nats <url>',
      'use this NATS server (with JetStream, max_payload 8454144 or more) in place of an own one; NATS_USER, NATS_CA_FILE and so on say who we are there',
    )
    .option('--data <dir>', 'where streams, status, certificates and logs are kept (default: see below)')
    .addOption(
      new Option('--log-level <level>', 'of the services; with debug all of it is shown here too')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpOptions) => {
      // The Kubernetes client and the rest take half a second to load: not for --help.
      const { up } = await import('../stack/up.ts');
      process.exitCode = await up(options, terminal);
    });
}

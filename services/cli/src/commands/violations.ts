import { type Command, Option } from 'commander';
import type { Terminal } from '../terminal.ts';
import type { ViolationsOptions } from '../violations/violations.ts';
import { ENGINE_HELP, withEngineOptions } from './engine-options.ts';

const EXAMPLES = `
Examples:
  jspolicy violations                                 of the last hour
  jspolicy violations --follow                        as they happen
  jspolicy violations --since 7d --policy no-latest.example.com -o wide
  jspolicy violations --nats nats://127.0.0.1:4222 --since 24h -o cloudevents | jq .data.user.username

Reads the record of violations, a stream of NATS; nobody else gets fewer by that. --kubeconfig finds the
\`jspolicy up\` that runs on that file here; the NATS of an engine inside a cluster is named by --nats. --since is a duration
(30s, 15m, 24h, 7d) or an RFC 3339 time. -o json prints a line for each violation, -o cloudevents the events as sinks get them, a line each.
${ENGINE_HELP}

Exit codes: 0 all were read, or ended by Ctrl-C, 2 the record could not be read, or the
\`jspolicy up\` that is followed ended.`;

export function violationsCommand(program: Command, terminal: Terminal): void {
  withEngineOptions(program.command('violations'))
    .description('what policies denied, warned of, and would deny')
    .option('--follow', 'go on with what comes')
    .option('--since <time>', 'not older than this (default: 1h; with --follow: now)')
    .option('--policy <name>', 'of this policy')
    .option('--namespace <name>', 'about objects in this namespace')
    .option('--user <name>', 'of requests of this user')
    .addOption(
      new Option('-o, --output <format>', 'what is printed')
        .choices(['text', 'wide', 'json', 'yaml', 'cloudevents'])
        .default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: ViolationsOptions) => {
      const { violations } = await import('../violations/violations.ts');
      process.exitCode = await violations(options, terminal);
    });
}

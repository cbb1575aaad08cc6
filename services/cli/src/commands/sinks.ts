import { type Command, Option } from 'commander';
import type { DeadListOptions, DeadRetryOptions } from '../sinks/dead.ts';
import type { SinksOptions } from '../sinks/sinks.ts';
import type { Terminal } from '../terminal.ts';
import { ENGINE_HELP, withEngineOptions } from './engine-options.ts';

const EXAMPLES = `
Examples:
  jspolicy sinks
  jspolicy sinks --kubeconfig ~/.kube/config -o json
  jspolicy sinks dead list
  jspolicy sinks dead retry my-webhook

Exit codes: 0 done, 2 it could not be done, or a sink refused again.
${ENGINE_HELP}`;

const output = () => new Option('-o, --output <format>', 'what is printed').choices(['text', 'json']).default('text');

export function sinksCommand(program: Command, terminal: Terminal): void {
  const sinks = withEngineOptions(program.command('sinks'), 'any API server')
    .description('where violations go: state and lag of each sink')
    .addOption(output())
    .addHelpText('after', EXAMPLES)
    .action(async (options: SinksOptions) => {
      const { listSinks } = await import('../sinks/sinks.ts');
      process.exitCode = await listSinks(options, terminal);
    });
  const dead = sinks.command('dead').description('violations that a sink refused for good');
  withEngineOptions(dead.command('list'))
    .description('list them, with the reasons')
    .argument('[sink]', 'of this sink only')
    .addOption(output())
    .addHelpText('after', ENGINE_HELP)
    .action(async (sink: string | undefined, _options: unknown, command: Command) => {
      const { listDead } = await import('../sinks/dead.ts');
      process.exitCode = await listDead(sink, command.optsWithGlobals<DeadListOptions>(), terminal);
    });
  withEngineOptions(dead.command('retry'))
    .description('send them again, once each; what is taken is not dead any more')
    .argument('<sink>', 'to this sink')
    .argument('[number...]', 'only these of `dead list`')
    .addHelpText('after', ENGINE_HELP)
    .action(async (sink: string, numbers: string[], _options: unknown, command: Command) => {
      const { retryDead } = await import('../sinks/dead.ts');
      process.exitCode = await retryDead({ sink, numbers }, command.optsWithGlobals<DeadRetryOptions>(), terminal);
    });
}

import { type Command, Option } from 'commander';
import type { BundleOptions } from '../offline/bundle.ts';
import type { Terminal } from '../terminal.ts';
import { requireOptions } from './required-options.ts';

const EXAMPLES = `
Examples:
  jspolicy bundle -f policy.yaml                    does it compile, and what came out
  jspolicy bundle -f policy.yaml --explain          also why it gets the isolation that it gets
  jspolicy bundle -f policy.yaml --script out.js    the script itself

Exit codes: 0 compiled, 2 not, or bad input.`;

export function bundleCommand(program: Command, terminal: Terminal): void {
  const command = program.command('bundle');
  requireOptions(command, 'filename');
  command
    .description('compile policies from files, and say what came out')
    .option('-f, --filename <file...>', 'files or folders with policies')
    .option('--explain', 'say why a policy may keep its context, or needs a fresh one for each request')
    .option('--script <file>', 'write the script of the one policy to a file')
    .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async (options: BundleOptions) => {
      const { bundle } = await import('../offline/bundle.ts');
      await bundle(options, terminal);
    });
}

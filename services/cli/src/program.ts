import { Command, CommanderError } from 'commander';
import { bundleCommand } from './commands/bundle.ts';
import { reviewCommand } from './commands/review.ts';
import { serversCommand } from './commands/servers.ts';
import { sinksCommand } from './commands/sinks.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { upCommand } from './commands/up.ts';
import { violationsCommand } from './commands/violations.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const EXAMPLES = `
Examples:
  jspolicy up                                       the whole engine on this machine
  jspolicy review -f policy.yaml -r review.json     judge one request, offline
  jspolicy violations --follow                      what policies object to, as it happens

Each command has a --help of its own.`;

/** Runs the command line. Resolves with the exit code; never rejects for what a user did. */
export async function runProgram(argv: string[], version: string, terminal: Terminal): Promise<number> {
  const program = new Command('jspolicy')
    .description('A policy engine for Kubernetes: policies are JavaScript')
    .version(version, '-V, --version')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help tells more)')
    .exitOverride();
  for (const add of [upCommand, reviewCommand, bundleCommand, violationsCommand, sinksCommand, serversCommand])
    add(program, terminal);
  uninstallCommand(program, terminal);
  for (const command of program.commands) command.exitOverride().showHelpAfterError('(--help tells more)');
  try {
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

function exitCodeOf(error: unknown, terminal: Terminal): number {
  // commander has said already what is wrong; its own code would mean a denial here.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
  if (error instanceof CommandError) {
    terminal.note(error.message);
    return error.exitCode;
  }
  terminal.note(`a bug in jspolicy: ${error instanceof Error ? error.stack : error}`);
  return EXIT.failed;
}

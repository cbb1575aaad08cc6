import { spawn } from 'node:child_process';

/** A program that is missing or ended with another code than 0, with what it said last. */
export class CommandFailed extends Error {}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** How much of what a program said is told when it fails. */
const TOLD_CHARS = 2_000;

/** Runs a program to its end and resolves with its output; rejects with {@link CommandFailed}. */
export function output(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.stderr = (said.stderr + text).slice(-TOLD_CHARS);
    });
    child.on('error', (cause) => reject(new CommandFailed(`${file} does not start: ${cause.message}`, { cause })));
    child.on('close', (code) => {
      if (code === 0) resolve(said.stdout);
      else reject(new CommandFailed(`${[file, ...args].join(' ')} ended with ${code}:\n${said.stderr.trim()}`));
    });
  });
}

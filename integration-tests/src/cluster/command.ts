import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MOST_BYTES = 64 * 2 ** 20;

/** Programs that a person would type; JSPOLICY_KUBECTL and JSPOLICY_HELM name others than PATH has. */
export const kubectl = (...args: string[]): Promise<string> =>
  output(process.env['JSPOLICY_KUBECTL'] ?? 'kubectl', args);
export const helm = (...args: string[]): Promise<string> => output(process.env['JSPOLICY_HELM'] ?? 'helm', args);

/** What a program prints. Rejects with what it says when it fails. */
export async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { maxBuffer: MOST_BYTES })).stdout;
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new Error(`${program} ${args.slice(0, 4).join(' ')}: ${stderr.trim() || message}`, { cause });
  }
}

/** A command line with one more word, as a shell runs it. */
export const shell = (line: string, word: string): Promise<string> => output('sh', ['-c', `${line} "$1"`, 'sh', word]);

/** A script of bash, in which kubectl and helm are those of this file. Rejects at the first command that fails. */
export async function script(text: string, { cwd, env }: { cwd: string; env: Record<string, string> }): Promise<void> {
  const programs = ['kubectl', 'helm'].map((name) => {
    const program = process.env[`JSPOLICY_${name.toUpperCase()}`] ?? name;
    return `${name}() { command '${program}' "$@"; }`;
  });
  const whole = ['set -euo pipefail', ...programs, text].join('\n');
  try {
    await run('bash', ['-c', whole], { cwd, env: { ...process.env, ...env }, maxBuffer: MOST_BYTES });
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new Error(`${text.trim().split('\n')[0]} ...: ${stderr.trim() || message}`, { cause });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what kubectl prints has many shapes.
export async function get(...args: string[]): Promise<any> {
  return JSON.parse(await kubectl('get', '-o', 'json', ...args));
}

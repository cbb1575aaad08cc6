import { isAbsolute, relative } from 'node:path';

/** Where a command writes: results on standard output, everything else on standard error. No colours. */
export interface Terminal {
  /** One line, or several, of the result. */
  print(text: string): void;
  /** One line about what goes on. */
  note(text: string): void;
}

export const terminal: Terminal = {
  print: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
};

/**
 * Whoever read us may have enough, as `head` has: what is printed after that is lost, and the exit code stays what it is.
 * A command that runs until it is ended looks for that itself.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** A path as a user would type it: from the current directory when it lies below that. */
export function shownPath(path: string, cwd = process.cwd()): string {
  const below = relative(cwd, path);
  return below === '' ? '.' : below.startsWith('..') || isAbsolute(below) ? path : below;
}

/** What a shell reads as one word. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Columns that are as wide as their widest cell. */
export function table(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('   ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

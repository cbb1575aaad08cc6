import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './places.ts';

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command, from the checkout's root, to its end. */
export function jspolicy(args: string[], { stdin = '', node = process.execPath } = {}): Promise<Ended> {
  const bin = join(ROOT, 'services/cli/bin/jspolicy.js');
  return new Promise((resolve) => {
    const child = execFile(node, [bin, ...args], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    child.stdin?.end(stdin);
  });
}

import { spawn } from 'node:child_process';

const LAST_BYTES = 4_000;

/** Runs a program that builds or fetches and returns what it printed; a failure carries the last of what it said. */
export function runTool(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const endChild = () => child.kill();
  process.once('exit', endChild);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr = (stderr + chunk).slice(-LAST_BYTES)));
  return new Promise<string>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(`there is no ${command} on the PATH`, { cause: error }) : error),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args[0]} in ${cwd} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  }).finally(() => process.off('exit', endChild));
}

import { bench } from './bench.ts';
import { HELP, parseOptions, UsageError } from './options.ts';
import { Resources } from './resources.ts';

/** Far above what the longest run takes: whatever hangs is ended. */
const TIME_LIMIT_MS = 60 * 60 * 1000;

const INTERRUPTED = 130;

/** Runs the command line. Resolves with the exit code; everything that was started has ended then. */
export async function runCommand(args: string[]): Promise<number> {
  const resources = new Resources();
  const ended = new Promise<number>((resolve) => {
    const end = (why: string, code: number) => {
      process.stderr.write(`bench: ${why}, ending the processes\n`);
      void resources.release().then(() => resolve(code));
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(signal, INTERRUPTED));
    setTimeout(() => end('took too long', 1), TIME_LIMIT_MS).unref();
  });
  return Promise.race([ended, measured(args, resources, ended)]);
}

async function measured(args: string[], resources: Resources, ended: Promise<number>): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options) await bench(options, resources);
    else process.stdout.write(HELP);
    return 0;
  } catch (error) {
    // What fails because it was ended is no failure of its own.
    if (resources.released) return ended;
    if (error instanceof UsageError) process.stderr.write(`bench: ${error.message}\n${HELP}`);
    else process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    await resources.release();
  }
}

import { dirname, join, resolve } from 'node:path';
import { withDeathSignal } from './death-signal.ts';

/** Where the frames go, both ways. */
export const PIPE_FD = 3;
/** Nothing goes through it; it is there to close, where the kernel does not tell of the parent's death. */
export const GUARD_FD = 4;

/** A sandbox process that cannot go on ends itself with it: it writes no core file, as those for faults do. */
export const DAMAGED_SIGNAL = 'SIGUSR2';

const DIST = resolve(import.meta.dirname, '../../dist');
const MAIN = join(DIST, 'child/main.js');
const LIBS = resolve(DIST, '../..');
const MODULES = dirname(dirname(resolve(import.meta.dirname, '../../../../node_modules/isolated-vm/package.json')));

export interface ChildCommand {
  command: string;
  args: string[];
}

/**
 * The command of a sandbox process. It may read our libraries and its packages, may load the one native addon, and
 * nothing else: no other file, no child process, no thread but the guard's where there is no death signal. Its environment
 * is empty, so no credential is in it.
 */
export function childCommand(memoryLimitMiB: number, deathSignal = withDeathSignal()): ChildCommand {
  const readable = [LIBS, MODULES, '/etc/alpine-release'];
  const guarded = deathSignal.length > 0;
  const [command = process.execPath, ...before] = [...deathSignal, process.execPath];
  return {
    command,
    args: [
      ...before,
      '--no-node-snapshot',
      // A heap that grows without end must not take every core for its collection: the evaluator has to keep time.
      '--single-threaded-gc',
      // Of the process itself, beside the isolate: reviews of 8 MiB fit many times.
      '--max-old-space-size=160',
      '--max-semi-space-size=8',
      '--permission',
      '--allow-addons',
      ...(guarded ? [] : ['--allow-worker']),
      ...readable.map((path) => `--allow-fs-read=${path}`),
      '--disable-warning=SecurityWarning',
      MAIN,
      String(memoryLimitMiB),
      guarded ? 'guarded' : 'unguarded',
    ],
  };
}

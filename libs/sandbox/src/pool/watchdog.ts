import type { SandboxProcess } from './sandbox-process.ts';

/** Killed so long after its limit: the isolate's own timer had its chance. */
const GRACE_MS = 50;
/** An evaluation that runs for so long has its memory looked at, again and again. */
const MEMORY_CHECK_MS = 25;

/** `host`: time was over while the evaluation waited for the host. */
export type KilledFor = 'time' | 'memory' | 'host';

export interface Watch {
  /** Stops watching; tells whether the process was killed and why. */
  end(): KilledFor | undefined;
}

/** Kills the process when time (milliseconds) or resident memory (MiB) is over. */
export function watch(process: SandboxProcess, limitMs: number, residentLimitMiB: number): Watch {
  let killedFor: KilledFor | undefined;
  const kill = (why: KilledFor) => {
    killedFor ??= why;
    process.kill();
  };
  const time = setTimeout(() => kill(process.waitsForHost ? 'host' : 'time'), limitMs + GRACE_MS);
  const memory = setInterval(() => {
    if (process.residentMiB() > residentLimitMiB) kill('memory');
  }, MEMORY_CHECK_MS);
  return {
    end: () => {
      clearTimeout(time);
      clearInterval(memory);
      return killedFor;
    },
  };
}

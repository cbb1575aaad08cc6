import type { SandboxProcess } from './sandbox-process.ts';

/** Killed so long after its limit: the isolate's own timer had its chance. */
const GRACE_MS = 60;
/** How often it is looked, while there is something to look after. */
const TICK_MS = 10;
/** An evaluation that runs for so long has its memory looked at, and nobody stands in line behind it. */
export const LONG_MS = 25;

/** Calls back while there is something to look after; one timer for all, because timers cost in each evaluation. */
export class Watchdog {
  readonly #look: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  /** `look` gives false when there is nothing to look after any more. */
  constructor(look: () => boolean) {
    this.#look = look;
  }

  wake(): void {
    this.#timer ??= setInterval(() => setImmediate(() => this.#tick()), TICK_MS);
  }

  /** After input was read: what came while this process itself stood still is no silence. */
  #tick(): void {
    if (this.#timer && !this.#look()) this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Kills a process whose evaluation is past its time or its memory; frees those that stand in line behind it. */
export function guard(process: SandboxProcess, limits: { residentLimitMiB: number; memoryLimitMiB: number }): void {
  const { current } = process;
  if (!current) return;
  const now = performance.now();
  if (now > current.endsAt + GRACE_MS) process.kill(process.waitsForHost ? 'host' : 'time');
  if (now - current.startedAt < LONG_MS) return;
  process.freeTheLine();
  // What earlier evaluations left in the process is not this one's fault.
  const allowedMiB = Math.max(limits.residentLimitMiB, process.restingMiB + limits.memoryLimitMiB);
  if (process.residentMiB() > allowedMiB) process.kill('memory');
}

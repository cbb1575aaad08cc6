import type { KilledFor } from './outcome.ts';
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

/** Less than this share of a core, and it was the machine that had no time for the evaluation. */
const STARVED_SHARE = 0.25;

interface Limits {
  residentLimitMiB: number;
  memoryLimitMiB: number;
}

/**
 * Kills a process whose evaluation is past its time or its memory, or that somebody stopped; frees those that stand in line
 * behind it.
 */
export function guard(process: SandboxProcess, limits: Limits): void {
  const { current } = process;
  // One that is stopped while it starts would take its place until it is given up.
  if (!process.wasReady && process.state().isStopped) process.kill();
  if (!current) return;
  const now = performance.now();
  const isLate = now > current.endsAt + GRACE_MS;
  if (now - current.startedAt < LONG_MS && !isLate) return;
  process.freeTheLine();
  const share = process.cpuShare();
  const why = reasonToKill(process, limits, isLate ? share : undefined);
  if (why) process.kill(why);
}

/** `lateWithShare`: its time is over, and this share of a core it had. */
function reasonToKill(
  process: SandboxProcess,
  limits: Limits,
  lateWithShare: number | undefined,
): KilledFor | undefined {
  const { residentMiB, isStopped } = process.state();
  if (isStopped) return 'stopped';
  if (lateWithShare !== undefined) {
    if (process.waitsForHost) return 'host';
    return lateWithShare < STARVED_SHARE ? 'starved' : 'time';
  }
  // What earlier evaluations left in the process is not this one's fault.
  const allowedMiB = Math.max(limits.residentLimitMiB, process.restingMiB + limits.memoryLimitMiB);
  return residentMiB > allowedMiB ? 'memory' : undefined;
}

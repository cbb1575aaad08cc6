import { type Pace, SLOW_MS } from './pace.ts';
import type { SandboxProcess } from './sandbox-process.ts';
import type { Waiting } from './waiting-line.ts';
import { LONG_MS } from './watchdog.ts';

/** Evaluations of quick policies may stand in line in a process: it finds the next one without waiting for us. */
const LINE = 8;

type Running = NonNullable<SandboxProcess['current']>;

/** A free one; or, for what is quick and asks no host, the shortest line of others that are. */
export function processFor(
  { evaluation, bundle }: Pick<Waiting, 'evaluation' | 'bundle'>,
  processes: Iterable<SandboxProcess>,
  pace: Pace,
): SandboxProcess | undefined {
  const mayStandInLine = !bundle.waits && pace.isQuick(evaluation.policy);
  let chosen: SandboxProcess | undefined;
  for (const each of processes) {
    if (!each.isReady || each.load >= (chosen?.load ?? LINE)) continue;
    if (each.current && !(mayStandInLine && isSoonDone(each.current, pace))) continue;
    chosen = each;
  }
  return chosen;
}

/** Its evaluation takes so long that another process may be started beside it. */
export const isSlow = ({ current }: SandboxProcess): boolean =>
  current !== undefined && performance.now() - current.startedAt >= SLOW_MS;

/** Those that it gave back are not put behind it again. */
const isSoonDone = ({ evaluation, startedAt }: Running, pace: Pace): boolean =>
  performance.now() - startedAt < LONG_MS && pace.isQuick(evaluation.policy);

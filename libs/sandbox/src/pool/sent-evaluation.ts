import type { ChildAnswer } from '../messages.ts';
import type { Evaluation } from '../port.ts';
import type { HostCalls } from './host-calls.ts';
import type { ProcessOutcome } from './outcome.ts';

/** An evaluation that was sent. Times are of performance.now(). */
export interface Sent {
  id: number;
  evaluation: Evaluation;
  /** Of the run. */
  endsAt: number;
  /** Of all runs together. */
  deadlineAt: number;
  /** What each run may take, ms. */
  limitMs: number;
  runs: number;
  /** When it became the first of the line. */
  startedAt: number;
  /** Made with the first host call: most evaluations have none, and an abort costs. */
  calls: HostCalls | undefined;
  /** When it was first looked at since it began or called the host, and the CPU time of the process by then. */
  seen: { atMs: number; cpuMs: number } | undefined;
  /** What the policy said with its end, while its code may still go on. */
  ended: ChildAnswer | undefined;
  /** It goes to another process; what this one still does with it must have no effect. */
  givenBack: boolean;
  settle: Settle;
}

/** As it is sent: in an empty line it is the first one. `endsAt`: the end of its first run. */
export function sentNow({
  id,
  evaluation,
  endsAt,
  settle,
}: Pick<Sent, 'id' | 'evaluation' | 'endsAt' | 'settle'>): Sent {
  const now = performance.now();
  const { limitMs: wholeMs, deadlineMs: wholeDeadlineMs = wholeMs } = evaluation;
  const limitMs = Math.max(1, endsAt - now);
  const deadlineAt = now + limitMs + Math.max(0, wholeDeadlineMs - wholeMs);
  const times = { endsAt, deadlineAt, limitMs, startedAt: now };
  return {
    id,
    evaluation,
    ...times,
    runs: 1,
    calls: undefined,
    seen: undefined,
    ended: undefined,
    givenBack: false,
    settle,
  };
}

/** Called once: with the outcome, and with the milliseconds that the evaluation itself took. */
export type Settle = (outcome: ProcessOutcome, tookMs?: number) => void;

/** Of one whose process ended. */
export const howFar = ({ calls, ended }: Sent, byOthers: boolean) => ({
  byOthers,
  mayRepeat: !calls?.mayHaveChanged,
  ended,
});

/** It goes to another process. */
export function giveBack(sent: Sent): void {
  sent.givenBack = true;
  settleOnce(sent, { notBegun: true });
}

/** Its host calls end, too. */
export function finish(sent: Sent, outcome: ProcessOutcome): void {
  sent.calls?.end();
  settleOnce(sent, outcome, performance.now() - sent.startedAt);
}

/** Who is told may end this process at once, which settles what is in its line. */
function settleOnce(sent: Sent, outcome: ProcessOutcome, tookMs?: number): void {
  const { settle } = sent;
  sent.settle = () => undefined;
  settle(outcome, tookMs);
}

import type { PolicyType } from '@jspolicy/contracts';
import type { PolicyFailure } from '@jspolicy/policy';
import { GUEST } from '../guest/guest-types.ts';
import type { ChildAnswer, ChildResult } from '../messages.ts';
import { boundedFailure } from './answer-bounds.ts';
import { earlyAnswer } from './early-end.ts';
import type { EvaluationSlot } from './evaluation-slot.ts';
import { failureOf, type IsolateState } from './failure.ts';
import type { GuestContext, Mode } from './guest-context.ts';
import type { IsolateHome } from './isolate-home.ts';
import { DEPENDENCIES, KeptContexts } from './kept-contexts.ts';
import { type LoadedBundle, ownPart } from './loaded-bundle.ts';
import { inPieces } from './review-pieces.ts';
import { RunTime } from './run-time.ts';
import { answerOf } from './verdict.ts';

export interface Task {
  bundle: LoadedBundle;
  policy: string;
  policyType: PolicyType;
  review: string;
  /** Of each run. */
  limitMs: number;
  /** Of all runs together. */
  deadlineMs: number;
  fresh: boolean;
}

type Run = Omit<ChildResult, 'type' | 'id' | 'prints'>;

/** Evaluates tasks, one at a time, in a kept context where the bundle may have one, else in a fresh one. */
export class PolicyRunner {
  readonly #home: IsolateHome;
  readonly #slot: EvaluationSlot;
  readonly #onEnd: (answer: ChildAnswer) => void;
  readonly #kept: KeptContexts;
  #unswept: { context: GuestContext; digest: string } | undefined;

  /** `onEnd`: a policy ended itself, and what it said stands if no more is heard of it. */
  constructor(home: IsolateHome, slot: EvaluationSlot, onEnd: (answer: ChildAnswer) => void) {
    this.#home = home;
    this.#slot = slot;
    this.#onEnd = onEnd;
    this.#kept = new KeptContexts(home);
  }

  forget(digest: string): void {
    this.#home.scripts.forget(digest);
    this.#kept.drop(digest);
  }

  /** Never rejects: what goes wrong is the policy's failure, and the process retires when it may be damaged. */
  async evaluate(task: Task): Promise<Run> {
    const waited = task.bundle.waits;
    const run = await this.#evaluate(task);
    // Also of a run that did not come back from its first call: this process may end with it.
    return !waited && (task.bundle.waits || this.#slot.hostNeeded) ? { ...run, waits: true } : run;
  }

  async #evaluate(task: Task): Promise<Run> {
    const { bundle } = task;
    const time = new RunTime(task);
    if (!bundle.kept || task.fresh) return this.#fresh(task, time);
    const run = await this.#inKept(task, time);
    if (run && (run.retire || !this.#isDoubtful(run.answer))) return run;
    // What it wrote would be written twice. Its next evaluations are fresh: the context may be why it failed.
    if (run && this.#slot.wrote) return this.#demoted(bundle, run, 'it failed after it wrote');
    if (run && !this.#slot.freshNeeded && time.nextMs < time.usedMs)
      return this.#demoted(bundle, run, 'it failed too late to be evaluated anew');
    const why = !run
      ? 'its dependencies cannot be kept'
      : this.#slot.freshNeeded
        ? 'it reaches for what a kept context must not give'
        : undefined;
    const again = await this.#fresh(task, time);
    if (why === undefined && run && isSame(run.answer, again.answer)) return again;
    const cutShort = isTimeout(again.answer) && !time.hadWholeLimit;
    // A context that took the time is nothing that the policy did: what it did with its time is told.
    const told = run && why === undefined && cutShort ? { ...again, answer: run.answer } : again;
    return this.#demoted(bundle, told, why ?? 'it behaves otherwise in a kept context');
  }

  #demoted(bundle: LoadedBundle, run: Run, why: string): Run {
    bundle.kept = false;
    this.#kept.drop(bundle.digest);
    return { ...run, demoted: why };
  }

  /** A kept context must not be the reason of a failure, or of a verdict that a fresh one would not give. */
  #isDoubtful(answer: ChildAnswer): boolean {
    return this.#slot.freshNeeded || (answer.kind === 'failed' && !isTimeout(answer));
  }

  /**
   * After an answer left, and before the next evaluation: puts the globals of a kept context back, replaces a worn isolate,
   * makes the next fresh context.
   */
  async tidy({ bundle, fresh }: Pick<Task, 'bundle' | 'fresh'>): Promise<void> {
    await this.#sweep();
    if (this.#home.renewWhenWorn()) this.#kept.clear();
    if (!bundle.kept || fresh) this.#home.refill(modeOf(bundle));
  }

  async #sweep(): Promise<void> {
    const unswept = this.#unswept;
    this.#unswept = undefined;
    if (!unswept) return;
    const clean = await unswept.context.askShortly(GUEST.sweep).catch(() => false);
    if (clean !== true) this.#kept.drop(unswept.digest);
  }

  async #inKept(task: Task, time: RunTime): Promise<Run | undefined> {
    const { bundle } = task;
    let context: GuestContext;
    try {
      context = await this.#kept.take(task.policy, bundle, modeOf(bundle));
    } catch (error) {
      this.#slot.open(false);
      this.#slot.close();
      // Memory, of which they may find enough elsewhere.
      if (this.#home.isolate.isDisposed) return this.#failed(error, task, this.#state(time));
      // Its dependencies do not load in a hardened context, or give away what cannot be hardened.
      bundle.kept = false;
      return undefined;
    }
    const run = await this.#run(
      task,
      context,
      () => this.#code(context, GUEST.evaluateKept, [task.policy, ...inPieces(task.review)], time),
      time,
    );
    if (run.retire) return run;
    if (this.#slot.hostNeeded) return this.#waiting(task, time);
    this.#unswept = { context, digest: bundle.digest };
    return run;
  }

  async #fresh(task: Task, time: RunTime): Promise<Run> {
    const context = this.#home.fresh(modeOf(task.bundle));
    const run = await this.#run(task, context, () => this.#whole(context, task, time), time);
    if (!run.retire) context.release();
    return this.#slot.hostNeeded && !run.retire ? this.#waiting(task, time) : run;
  }

  /** The policy asks the host after all: from now on its evaluations can wait. */
  #waiting(task: Task, time: RunTime): Promise<Run> {
    task.bundle.waits = true;
    this.#kept.drop(task.bundle.digest);
    return this.#fresh(task, time);
  }

  async #whole(context: GuestContext, task: Task, time: RunTime): Promise<void> {
    const { bundle } = task;
    if ((await context.ask(GUEST.begin, [task.policy, ...inPieces(task.review)], time.left())) !== true) return;
    if (this.#home.globalContext) await this.#globalContext(context, time);
    const prelude = bundle.script.slice(0, bundle.preludeLength);
    if (prelude) await this.#script(context, bundle.digest, prelude, DEPENDENCIES, time);
    if (bundle.form === 'script') return this.#script(context, bundle.digest, ownPart(bundle), bundle.name, time);
    const body = context.valueOf(this.#home.scripts.functionOf(bundle));
    await this.#code(context, GUEST.evaluate, [body.derefInto({ release: true })], time);
  }

  /** What it throws is the failure of every policy. */
  async #globalContext({ mode, context }: GuestContext, time: RunTime): Promise<void> {
    const script = this.#home.scripts.globalContextOf(this.#home.globalContext);
    const options = { timeout: Math.max(1, Math.ceil(time.left())) };
    if (mode === 'direct') script.runSync(context, options);
    else await script.run(context, options);
  }

  /** What the policy throws is told by the outcome. What reaches us is a rejection that nobody handled: it allows. */
  async #code(context: GuestContext, operation: number, args: unknown[], time: RunTime): Promise<void> {
    try {
      await context.ask(operation, args, time.left());
    } catch (error) {
      if (this.#gaveUp(time)) throw error;
    }
  }

  async #script(context: GuestContext, digest: string, text: string, name: string, time: RunTime): Promise<void> {
    const scratch = () => this.#home.scratchContext(context.mode);
    const { script, caught } = this.#home.scripts.scriptOf(digest, text, name, scratch);
    const options = { timeout: Math.max(1, Math.ceil(time.left())) };
    try {
      if (context.mode === 'direct') script.runSync(context.context, options);
      else await script.run(context.context, options);
    } catch (error) {
      // What it throws is caught inside; so this is a rejection that nobody handled, and it allows.
      if (!caught || this.#gaveUp(time)) throw error;
    }
  }

  async #run(task: Task, context: GuestContext, code: () => Promise<unknown>, time: RunTime): Promise<Run> {
    let told: ChildAnswer | undefined;
    const tell = (outcome: string) => {
      told = earlyAnswer(outcome, task);
      if (told) this.#onEnd(told);
    };
    this.#slot.open(time.begin(), task.bundle.mayGoOn ? tell : undefined);
    try {
      await code();
      this.#slot.codeIsOver();
      const outcome = (await context.askShortly(GUEST.finish)) as string;
      return { answer: told ?? answerOf(this.#slot.outcome ?? outcome, task), retire: false };
    } catch (error) {
      return this.#failed(error, task, this.#state(time));
    } finally {
      this.#slot.close();
    }
  }

  #state(time: RunTime): IsolateState {
    return { disposed: this.#home.isolate.isDisposed, timeIsOver: time.left() <= TIMER_MS };
  }

  /** The isolate itself, as against code that threw. */
  #gaveUp(time: RunTime): boolean {
    const { disposed, timeIsOver } = this.#state(time);
    return disposed || timeIsOver;
  }

  #failed(error: unknown, task: Task, state: IsolateState): Run {
    const { failure, damaged } = failureOf(error, task.policy, state);
    const answer = this.#ended(task) ?? { kind: 'failed', failure: boundedFailure(failure) };
    const ranOut = answer.kind === 'failed' && answer.failure.cause === 'memory';
    const crowded = ranOut && this.#home.isCrowded && !this.#slot.wrote;
    return { answer, retire: damaged, ...(crowded && { crowded }) };
  }

  /** The policy's own end stands, where it can be read. */
  #ended(task: Task): ChildAnswer | undefined {
    const { outcome } = this.#slot;
    try {
      return outcome === undefined ? undefined : answerOf(outcome, task);
    } catch {
      return undefined;
    }
  }
}

/** The isolate's timer counts whole milliseconds. */
const TIMER_MS = 1;
const modeOf = ({ waits }: LoadedBundle): Mode => (waits ? 'waiting' : 'direct');

const isTimeout = (answer: ChildAnswer): boolean => answer.kind === 'failed' && answer.failure.cause === 'timeout';

/** Places differ: the wrappers do. */
function isSame(kept: ChildAnswer, fresh: ChildAnswer): boolean {
  if (kept.kind === 'failed' && fresh.kind === 'failed') return firstLine(kept.failure) === firstLine(fresh.failure);
  return JSON.stringify(kept) === JSON.stringify(fresh);
}
const firstLine = ({ message }: PolicyFailure): string => message.split('\n', 1)[0] ?? '';

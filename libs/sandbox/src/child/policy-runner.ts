import type { PolicyType } from '@jspolicy/contracts';
import { GUEST } from '../guest/guest-types.ts';
import type { ChildAnswer, ChildResult } from '../messages.ts';
import type { EvaluationSlot } from './evaluation-slot.ts';
import { failureOf, isEngineFailure } from './failure.ts';
import type { GuestContext, Mode } from './guest-context.ts';
import type { IsolateHome } from './isolate-home.ts';
import { KeptContexts } from './kept-contexts.ts';
import type { LoadedBundle } from './loaded-bundle.ts';
import { answerOf } from './verdict.ts';

export interface Task {
  policy: string;
  policyType: PolicyType;
  review: string;
  limitMs: number;
}

type Run = Omit<ChildResult, 'type' | 'id' | 'prints'>;

/** Evaluates tasks, one at a time, in a kept context where the bundle may have one, else in a fresh one. */
export class PolicyRunner {
  readonly #home: IsolateHome;
  readonly #slot: EvaluationSlot;
  readonly #kept: KeptContexts;
  #unswept: { context: GuestContext; digest: string } | undefined;

  constructor(home: IsolateHome, slot: EvaluationSlot) {
    this.#home = home;
    this.#slot = slot;
    this.#kept = new KeptContexts(home);
  }

  forget(digest: string): void {
    this.#kept.drop(digest);
  }

  /** Never rejects: what goes wrong is the policy's failure, and the process retires when it may be damaged. */
  async evaluate(bundle: LoadedBundle, task: Task): Promise<Run> {
    const endsAt = performance.now() + task.limitMs;
    const left = () => endsAt - performance.now();
    if (!bundle.kept) return this.#fresh(bundle, task, left);
    const run = await this.#inKept(bundle, task, left);
    if (run && (run.answer.kind !== 'failed' || run.retire)) return run;
    // A kept context must not be the reason of a failure: what a fresh one says counts.
    if (this.#slot.calls > 0 && run) return run;
    const again = await this.#fresh(bundle, task, left);
    return this.#demoteWhenDifferent(bundle, run?.answer, again);
  }

  /**
   * After an answer left, and before the next evaluation: puts the globals of a kept context back, replaces a worn isolate,
   * makes the next fresh context.
   */
  async tidy(bundle: LoadedBundle): Promise<void> {
    await this.#sweep();
    if (this.#home.renewWhenWorn()) this.#kept.clear();
    if (!bundle.kept) this.#home.refill(modeOf(bundle));
  }

  async #sweep(): Promise<void> {
    const unswept = this.#unswept;
    this.#unswept = undefined;
    if (!unswept) return;
    const clean = await unswept.context.ask(GUEST.sweep, [], SWEEP_MS).catch(() => false);
    if (clean !== true) this.#kept.drop(unswept.digest);
  }

  async #inKept(bundle: LoadedBundle, task: Task, left: () => number): Promise<Run | undefined> {
    let context: GuestContext;
    try {
      context = await this.#kept.take(bundle, modeOf(bundle));
    } catch {
      // Its dependencies do not load in a hardened context.
      bundle.kept = false;
      return undefined;
    }
    const run = await this.#run(
      task,
      context,
      () => this.#code(context, GUEST.evaluateKept, [task.review, task.policy], left),
      left,
    );
    if (run.retire) return run;
    if (this.#slot.hostNeeded) return this.#waiting(bundle, task, left);
    this.#unswept = { context, digest: bundle.digest };
    return run;
  }

  async #fresh(bundle: LoadedBundle, task: Task, left: () => number): Promise<Run> {
    const context = this.#home.fresh(modeOf(bundle));
    const run = await this.#run(task, context, () => this.#whole(context, bundle, task, left), left);
    if (!run.retire) context.release();
    return this.#slot.hostNeeded && !run.retire ? this.#waiting(bundle, task, left) : run;
  }

  /** The policy asks the host after all: from now on its evaluations can wait. */
  #waiting(bundle: LoadedBundle, task: Task, left: () => number): Promise<Run> {
    bundle.waits = true;
    this.#kept.drop(bundle.digest);
    return this.#fresh(bundle, task, left);
  }

  async #whole(context: GuestContext, bundle: LoadedBundle, task: Task, left: () => number): Promise<void> {
    if ((await context.ask(GUEST.begin, [task.review, task.policy], left())) !== true) return;
    const prelude = bundle.script.slice(0, bundle.preludeLength);
    const rest = bundle.script.slice(bundle.preludeLength);
    if (prelude) await this.#script(context, prelude, 'dependencies', left);
    if (bundle.form === 'script') return this.#script(context, rest, bundle.name, left);
    const body = context.value(`(function () {${rest}\n})`, bundle.name);
    await this.#code(context, GUEST.evaluate, [body.derefInto()], left);
  }

  /** What the policy throws is told by the outcome. What reaches us is a rejection that nobody handled: it allows. */
  async #code(context: GuestContext, operation: number, args: unknown[], left: () => number): Promise<void> {
    try {
      await context.ask(operation, args, left());
    } catch (error) {
      if (isEngineFailure(error) || left() <= 0) throw error;
    }
  }

  async #script(context: GuestContext, text: string, filename: string, left: () => number): Promise<void> {
    const script = this.#home.isolate.compileScriptSync(text, { filename });
    const options = { timeout: Math.max(1, Math.ceil(left())) };
    if (context.mode === 'direct') script.runSync(context.context, options);
    else await script.run(context.context, options);
  }

  async #run(task: Task, context: GuestContext, code: () => Promise<unknown>, left: () => number): Promise<Run> {
    this.#slot.open();
    try {
      await code();
      const outcome = (await context.ask(GUEST.finish, [], left())) as string;
      return { answer: answerOf(this.#slot.outcome ?? outcome, task), retire: false };
    } catch (error) {
      return this.#failed(error, task, left() <= 0);
    } finally {
      this.#slot.close();
    }
  }

  #failed(error: unknown, task: Task, timeIsOver: boolean): Run {
    const { failure, damaged } = failureOf(error, task.policy, timeIsOver);
    const ended = this.#slot.outcome;
    const answer: ChildAnswer = ended === undefined ? { kind: 'failed', failure } : answerOf(ended, task);
    return { answer, retire: damaged };
  }

  #demoteWhenDifferent(bundle: LoadedBundle, kept: ChildAnswer | undefined, fresh: Run): Run {
    if (kept && JSON.stringify(kept) === JSON.stringify(fresh.answer)) return fresh;
    if (kept?.kind === 'failed' && fresh.answer.kind === 'failed' && sameButPlaces(kept, fresh.answer)) return fresh;
    bundle.kept = false;
    this.#kept.drop(bundle.digest);
    return {
      ...fresh,
      demoted: kept ? 'behaves otherwise in a kept context' : 'its dependencies do not load in a kept context',
    };
  }
}

/** Time for putting the globals back. */
const SWEEP_MS = 1_000;

const modeOf = ({ waits }: LoadedBundle): Mode => (waits ? 'waiting' : 'direct');

type Failed = Extract<ChildAnswer, { kind: 'failed' }>;
const sameButPlaces = (a: Failed, b: Failed): boolean => firstLine(a) === firstLine(b);
const firstLine = ({ failure }: Failed): string => failure.message.split('\n', 1)[0] ?? '';

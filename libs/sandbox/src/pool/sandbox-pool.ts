import type { Bundle } from '@jspolicy/contracts';
import type { Evaluation, EvaluationResult, Sandbox } from '../port.ts';
import { childCommand } from './child-command.ts';
import { LoadedBundles } from './loaded-bundles.ts';
import {
  blameOf,
  type Ended,
  failed,
  failureWithoutResult,
  isWorthRepeating,
  type ProcessOutcome,
  refused,
} from './outcome.ts';
import { Pace } from './pace.ts';
import { type PoolSettings, poolSettings, type SandboxPoolOptions } from './pool-options.ts';
import { isSlow, processFor } from './process-choice.ts';
import { Quarantine } from './quarantine.ts';
import { SandboxProcess } from './sandbox-process.ts';
import { StartAttempts } from './start-attempts.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';
import { guard, Watchdog } from './watchdog.ts';

/** A process that rests above this share of its limit is replaced, so that no policy pays for what others left. */
const WORN_SHARE = 0.7;
/** A pool of sandbox processes. Starts them at once; the caller stops it. */
export function createSandboxPool(options: SandboxPoolOptions = {}): Sandbox {
  return new SandboxPool(poolSettings(options));
}

class SandboxPool implements Sandbox {
  readonly #settings: PoolSettings;
  readonly #quarantine = new Quarantine();
  readonly #bundles = new LoadedBundles();
  readonly #processes = new Set<SandboxProcess>();
  readonly #pace: Pace;
  readonly #watchdog = new Watchdog(() => this.#look());
  readonly #waiting = new WaitingLine();
  #inProcesses = 0;
  #stopping = false;
  readonly #starts: StartAttempts;
  #idle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#pace = new Pace(settings.processes, settings.maxProcesses);
    this.#starts = new StartAttempts(settings, () => this.#fill());
    this.#fill();
  }

  async load(bundle: Bundle): Promise<void> {
    this.#bundles.load(this.#settings.globalContext ? { ...bundle, isolation: 'request' } : bundle);
    if (this.#processes.size > 0) await Promise.race([...this.#processes].map((each) => each.ready));
  }

  unload(digest: string): void {
    this.#bundles.unload(digest);
    this.#quarantine.forget(digest);
    for (const each of this.#processes) each.forget(digest);
  }

  evaluate(evaluation: Evaluation): Promise<EvaluationResult> {
    const bundle = this.#bundles.get(evaluation.digest);
    if (!bundle) return Promise.resolve(refused(`bundle ${evaluation.digest} is not loaded`));
    if (!(evaluation.limitMs > 0)) return Promise.resolve(refused('no time was left to evaluate the policy'));
    const quarantined = this.#quarantine.check(evaluation, Date.now());
    if (quarantined) return Promise.resolve(failed({ cause: 'quarantined', message: quarantined }));
    if (this.#stopping) return Promise.resolve(refused('the sandbox is stopping'));
    if (this.#waiting.length >= this.#settings.maxQueued)
      return Promise.resolve(refused(`${this.#waiting.length} evaluations wait already`));
    return new Promise((settle) => {
      const endsAt = performance.now() + evaluation.limitMs;
      this.#waiting.add({ evaluation, bundle, endsAt, again: false, settle });
      this.#watchdog.wake();
      this.#dispatch();
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    if (this.#isBusy()) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#watchdog.stop();
    this.#starts.stop();
    for (const each of this.#processes) each.kill();
    await Promise.all([...this.#processes].map((each) => each.exited));
  }

  #isBusy(): boolean {
    return this.#waiting.length > 0 || this.#inProcesses > 0;
  }

  #start(): void {
    const { memoryLimitMiB, globalContext } = this.#settings;
    const started = new SandboxProcess(memoryLimitMiB, childCommand(memoryLimitMiB), globalContext);
    this.#processes.add(started);
    void started.ready.then(() => {
      if (started.wasReady) this.#starts.succeeded();
      this.#dispatch();
    });
    void started.exited.then(() => this.#ended(started));
  }

  #ended(process: SandboxProcess): void {
    this.#processes.delete(process);
    if (process.wasReady || this.#stopping) this.#fill();
    else
      this.#starts.failed(
        process.ending ?? '',
        [...this.#processes].some(({ wasReady }) => wasReady),
      );
  }

  /** Processes that there should be: slow evaluations do not count, as far as there may be more. */
  #wanted(): number {
    const { processes, maxProcesses } = this.#settings;
    const slow = [...this.#processes].filter((each) => isSlow(each)).length;
    return Math.min(maxProcesses, processes + slow);
  }

  #fill(): void {
    if (this.#stopping && this.#waiting.length === 0) return;
    if (this.#starts.isPausing) return;
    const wanted = this.#wanted();
    while (this.#processes.size < wanted) this.#start();
  }

  /** Again and again while evaluations wait or run. */
  #look(): boolean {
    for (const each of this.#processes) {
      if (isSlow(each) && each.current) this.#pace.noteSlow(each.current.evaluation.policy);
      guard(each, this.#settings);
    }
    if (this.#waiting.length > 0) {
      this.#giveUp();
      this.#fill();
      this.#dispatch();
    }
    return this.#isBusy();
  }

  /** Gives waiting evaluations to processes. */
  #dispatch(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      const process = processFor(next, this.#processes, this.#pace);
      if (!process) break;
      this.#waiting.remove(next);
      this.#run(next, process);
    }
    if (!this.#isBusy()) this.#idle?.();
  }

  #next(): Waiting | undefined {
    const busy = () => [...this.#processes].filter(({ current }) => current).length;
    return this.#waiting.next({
      heldBy: (policy) => this.#pace.heldBy(policy),
      mayBegin: (policy) => this.#pace.mayBegin(policy, busy, () => this.#isWriting(policy)),
    });
  }

  #isWriting(policy: string): boolean {
    return [...this.#processes].some((each) => each.current?.evaluation.policy === policy && each.waitsForWrite);
  }

  #run(waiting: Waiting, process: SandboxProcess): void {
    const { evaluation, endsAt } = waiting;
    const bundle = this.#bundles.get(evaluation.digest) ?? waiting.bundle;
    this.#pace.begin(evaluation.policy);
    this.#inProcesses++;
    process.evaluate(evaluation, bundle, endsAt, (outcome, tookMs) => {
      this.#inProcesses--;
      this.#pace.end(evaluation.policy, tookMs);
      this.#settle(waiting, process, outcome);
      this.#dispatch();
    });
  }

  #settle(waiting: Waiting, process: SandboxProcess, outcome: ProcessOutcome): void {
    if ('notBegun' in outcome) {
      this.#waiting.putBack(waiting);
      return;
    }
    if (isWorthRepeating(outcome) && !waiting.again) {
      const { policy } = waiting.evaluation;
      const died = 'died' in outcome ? outcome.died : 'out of memory that others took before';
      this.#settings.log?.warn({ policy, died }, 'sandbox process ended, not by the policy: once more');
      this.#waiting.putBack({ ...waiting, again: true });
      process.discard();
      return;
    }
    this.#judge(waiting.evaluation, process, outcome);
    waiting.settle(this.#resultOf(waiting.evaluation, outcome));
  }

  /** Decides whether the process may go on, and whether the policy ended too many. */
  #judge(evaluation: Evaluation, process: SandboxProcess, outcome: Ended): void {
    if ('result' in outcome && !outcome.result.retire) {
      const surplus = this.#processes.size > this.#wanted() && this.#waiting.length === 0;
      if (surplus || process.isWorn(this.#settings.residentLimitMiB * WORN_SHARE)) process.retire();
      return;
    }
    process.discard();
    const reason = blameOf(outcome);
    const told = reason && this.#quarantine.strike(evaluation, reason, Date.now());
    if (told) this.#settings.onQuarantine?.(evaluation.policy, told.until, told.reason);
  }

  #resultOf({ policy, digest, host }: Evaluation, outcome: Ended): EvaluationResult {
    const { log, residentLimitMiB } = this.#settings;
    if ('result' in outcome) {
      const { answer, prints, demoted } = outcome.result;
      for (const line of prints) host.print(line);
      this.#bundles.learn(digest, outcome.result);
      if (demoted) log?.warn({ policy, why: demoted }, 'policy is evaluated in fresh contexts from now on');
      return answer;
    }
    if ('hostFailed' in outcome)
      log?.error({ policy, call: outcome.hostFailed, err: outcome.error }, 'host function failed');
    else log?.warn({ policy, killedFor: outcome.killedFor, died: outcome.died }, 'sandbox process ended');
    return failureWithoutResult(policy, outcome, residentLimitMiB);
  }

  /** For those whose time is over before a process was free. */
  #giveUp(): void {
    const late = this.#waiting.takeLate(performance.now());
    if (late.length === 0) return;
    const { problem } = this.#starts;
    const why = problem === undefined ? 'was free in time' : `process can be started: ${problem}`;
    for (const each of late) each.settle(refused(`no sandbox ${why}`));
  }
}

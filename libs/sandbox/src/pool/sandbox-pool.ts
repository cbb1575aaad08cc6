import type { Bundle } from '@jspolicy/contracts';
import type { Evaluation, EvaluationResult, Sandbox } from '../port.ts';
import { blameOf, checked, failed, failureWithoutResult, refused } from './outcome.ts';
import { type PoolSettings, poolSettings, type SandboxPoolOptions } from './pool-options.ts';
import { Quarantine } from './quarantine.ts';
import { Running, SLOW_MS } from './running.ts';
import { type ProcessOutcome, SandboxProcess } from './sandbox-process.ts';
import { type KilledFor, watch } from './watchdog.ts';

/** A process that rests above this share of its limit is replaced, so that no policy pays for what others left. */
const WORN_SHARE = 0.7;
/** After a process that ended before it was ready, so that one that cannot start does not take the machine. */
const START_AGAIN_MS = 500;

interface Waiting {
  evaluation: Evaluation;
  bundle: Bundle;
  endsAt: number;
  timer: NodeJS.Timeout;
  /** It was begun in a process that somebody else killed. */
  again?: boolean;
  settle(result: EvaluationResult): void;
}

/** A pool of sandbox processes. Starts them at once; the caller stops it. */
export function createSandboxPool(options: SandboxPoolOptions = {}): Sandbox {
  return new SandboxPool(poolSettings(options));
}

class SandboxPool implements Sandbox {
  readonly #settings: PoolSettings;
  readonly #quarantine = new Quarantine();
  readonly #bundles = new Map<string, Bundle>();
  readonly #processes = new Set<SandboxProcess>();
  readonly #free: SandboxProcess[] = [];
  readonly #running: Running;
  #waiting: Waiting[] = [];
  #lookAgain: NodeJS.Timeout | undefined;
  #stopping = false;
  #startAgainAt = 0;
  #idle: (() => void) | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#running = new Running(settings.processes);
    this.#fill();
  }

  async load(bundle: Bundle): Promise<void> {
    this.#bundles.set(bundle.digest, bundle);
    if (this.#processes.size > 0) await Promise.race([...this.#processes].map((each) => each.ready));
  }

  unload(digest: string): void {
    this.#bundles.delete(digest);
    for (const each of this.#processes) each.forget(digest);
  }

  evaluate(evaluation: Evaluation): Promise<EvaluationResult> {
    const bundle = this.#bundles.get(evaluation.digest);
    if (!bundle) return Promise.resolve(refused(`bundle ${evaluation.digest} is not loaded`));
    const quarantined = this.#quarantine.check(evaluation.policy, Date.now());
    if (quarantined) return Promise.resolve(failed({ cause: 'quarantined', message: quarantined }));
    if (this.#stopping) return Promise.resolve(refused('the sandbox is stopping'));
    if (this.#waiting.length >= this.#settings.maxQueued)
      return Promise.resolve(refused(`${this.#waiting.length} evaluations wait already`));
    return new Promise((settle) => {
      const endsAt = performance.now() + evaluation.limitMs;
      const timer = setTimeout(() => this.#giveUp(waiting), evaluation.limitMs);
      const waiting: Waiting = { evaluation, bundle, endsAt, settle, timer };
      this.#waiting.push(waiting);
      this.#dispatch();
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#waiting.length > 0 || this.#running.size > 0)
      await new Promise<void>((resolve) => (this.#idle = resolve));
    clearTimeout(this.#lookAgain);
    for (const each of this.#processes) each.kill();
    await Promise.all([...this.#processes].map((each) => each.exited));
  }

  #start(): void {
    const started = new SandboxProcess(this.#settings.memoryLimitMiB);
    this.#processes.add(started);
    void started.ready.then(() => {
      if (!started.alive) return;
      this.#free.push(started);
      this.#dispatch();
    });
    void started.exited.then(() => this.#ended(started));
  }

  #ended(process: SandboxProcess): void {
    this.#processes.delete(process);
    const at = this.#free.indexOf(process);
    if (at >= 0) this.#free.splice(at, 1);
    if (process.wasReady || this.#stopping) this.#fill();
    else this.#startLater(process.ending);
  }

  #startLater(how: string | undefined): void {
    this.#settings.log?.error({ how }, 'sandbox process does not start');
    this.#startAgainAt = performance.now() + START_AGAIN_MS;
    setTimeout(() => this.#fill(), START_AGAIN_MS);
  }

  /** Evaluations that may run at once: slow ones do not count, as far as there may be more processes. */
  #capacity(): number {
    const { processes, maxProcesses } = this.#settings;
    return Math.min(maxProcesses, processes + this.#running.slow());
  }

  #fill(): void {
    if (this.#stopping && this.#waiting.length === 0) return;
    if (performance.now() < this.#startAgainAt) return;
    const wanted = this.#capacity();
    while (this.#processes.size < wanted) this.#start();
  }

  /** Gives waiting evaluations to free processes. */
  #dispatch(): void {
    for (let next = this.#next(); next && this.#free.length > 0; next = this.#next()) {
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      void this.#run(next, this.#free.pop() as SandboxProcess);
    }
    this.#lookAgainWhileSlow();
    if (this.#waiting.length === 0 && this.#running.size === 0) this.#idle?.();
  }

  /** Of the policies that hold the fewest processes the one that waits longest. */
  #next(): Waiting | undefined {
    let chosen: Waiting | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting) {
      const { policy } = waiting.evaluation;
      const held = this.#running.heldBy(policy);
      if (held >= fewest || !this.#running.mayBegin(policy)) continue;
      chosen = waiting;
      fewest = held;
      if (held === 0) break;
    }
    return chosen;
  }

  /** While evaluations wait, looks whether those that run have become slow: then one more process is started. */
  #lookAgainWhileSlow(): void {
    if (this.#waiting.length === 0) {
      clearTimeout(this.#lookAgain);
      this.#lookAgain = undefined;
      return;
    }
    this.#lookAgain ??= setTimeout(() => {
      this.#lookAgain = undefined;
      this.#fill();
      this.#dispatch();
    }, SLOW_MS / 2);
  }

  async #run(waiting: Waiting, process: SandboxProcess): Promise<void> {
    const { evaluation, bundle, endsAt, timer, settle } = waiting;
    clearTimeout(timer);
    const run = this.#running.begin(evaluation.policy);
    const limitMs = Math.max(1, endsAt - performance.now());
    const { residentLimitMiB, memoryLimitMiB } = this.#settings;
    // What earlier evaluations left in the process is not this one's fault.
    const watching = watch(process, limitMs, Math.max(residentLimitMiB, process.restingMiB + memoryLimitMiB));
    const outcome = checked(await process.evaluate(evaluation, bundle, limitMs));
    const killedFor = watching.end();
    this.#running.end(run);
    if (killedFor === undefined && 'killedByOthers' in outcome && this.#again(waiting)) return this.#dispatch();
    this.#judge(evaluation.policy, process, outcome, killedFor);
    settle(this.#resultOf(evaluation, outcome, killedFor));
    this.#dispatch();
  }

  /** A process that was killed from outside (the machine's memory ran out) may have been idle before: once more. */
  #again(waiting: Waiting): boolean {
    const leftMs = waiting.endsAt - performance.now();
    if (waiting.again || leftMs <= 0) return false;
    this.#waiting.unshift({ ...waiting, again: true, timer: setTimeout(() => this.#giveUp(waiting), leftMs) });
    return true;
  }

  /** Decides whether the process may go on, and whether the policy ended too many. */
  #judge(policy: string, process: SandboxProcess, outcome: ProcessOutcome, killedFor: KilledFor | undefined): void {
    if ('result' in outcome && !outcome.result.retire) {
      const surplus = this.#processes.size > this.#capacity() && this.#waiting.length === 0;
      if (surplus || process.isWorn(this.#settings.residentLimitMiB * WORN_SHARE)) process.kill();
      else this.#free.push(process);
      return;
    }
    process.kill();
    const reason = blameOf(outcome, killedFor);
    const told = reason && this.#quarantine.strike(policy, reason, Date.now());
    if (told) this.#settings.onQuarantine?.(policy, told.until, told.reason);
  }

  #resultOf({ policy, host }: Evaluation, outcome: ProcessOutcome, killedFor: KilledFor | undefined): EvaluationResult {
    const { log, residentLimitMiB } = this.#settings;
    if ('result' in outcome) {
      const { answer, prints, demoted } = outcome.result;
      for (const line of prints) host.print(line);
      if (demoted) log?.warn({ policy, why: demoted }, 'policy is evaluated in fresh contexts from now on');
      return answer;
    }
    if ('hostFailed' in outcome)
      log?.error({ policy, call: outcome.hostFailed, err: outcome.error }, 'host function failed');
    else log?.warn({ policy, killedFor, died: outcome.died }, 'sandbox process ended');
    return failureWithoutResult(policy, outcome, killedFor, residentLimitMiB);
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((each) => each.settle !== waiting.settle);
    waiting.settle(refused('no sandbox was free in time'));
    this.#dispatch();
  }
}

import type { Bundle } from '@jspolicy/contracts';
import type { PolicyFailure } from '@jspolicy/policy';
import type { Evaluation, EvaluationResult, Sandbox } from '../port.ts';
import { type PoolSettings, poolSettings, type SandboxPoolOptions } from './pool-options.ts';
import { Quarantine } from './quarantine.ts';
import { type ProcessOutcome, SandboxProcess } from './sandbox-process.ts';

/** Killed so long after its limit: the isolate's own timer had its chance. */
const GRACE_MS = 50;
/** An evaluation that runs for so long has its memory looked at, again and again. */
const MEMORY_CHECK_MS = 25;
/** A process that rests above this share of its limit is replaced. */
const WORN_SHARE = 0.7;
/** While evaluations wait so long, one more process is started. */
const PRESSURE_MS = 100;

/** `host`: time was over while the evaluation waited for the host. */
type KilledFor = 'time' | 'memory' | 'host';

interface Waiting {
  evaluation: Evaluation;
  bundle: Bundle;
  endsAt: number;
  timer: NodeJS.Timeout;
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
  readonly #running = new Map<string, number>();
  #waiting: Waiting[] = [];
  #pressure: NodeJS.Timeout | undefined;
  #stopping = false;
  #idle: (() => void) | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    for (let index = 0; index < settings.processes; index++) this.#start();
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
      const waiting: Waiting = {
        evaluation,
        bundle,
        endsAt,
        settle,
        timer: setTimeout(() => this.#giveUp(waiting), evaluation.limitMs),
      };
      this.#waiting.push(waiting);
      this.#dispatch();
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#waiting.length > 0 || this.#running.size > 0)
      await new Promise<void>((resolve) => (this.#idle = resolve));
    clearTimeout(this.#pressure);
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
    if (!this.#stopping && this.#processes.size < this.#settings.processes) this.#start();
  }

  /** Gives waiting evaluations to free processes. */
  #dispatch(): void {
    for (let next = this.#next(); next && this.#free.length > 0; next = this.#next()) {
      const chosen = next;
      this.#waiting = this.#waiting.filter((each) => each !== chosen);
      void this.#run(chosen, this.#free.pop() as SandboxProcess);
    }
    this.#feelPressure();
    if (this.#waiting.length === 0 && this.#running.size === 0) this.#idle?.();
  }

  /** Of the policies that hold the fewest processes the one that waits longest; none holds the last free one of all. */
  #next(): Waiting | undefined {
    let chosen: Waiting | undefined;
    let fewest = Math.max(1, this.#processes.size - 1);
    for (const waiting of this.#waiting) {
      const held = this.#running.get(waiting.evaluation.policy) ?? 0;
      if (held >= fewest) continue;
      chosen = waiting;
      fewest = held;
      if (held === 0) break;
    }
    return chosen;
  }

  #feelPressure(): void {
    if (this.#waiting.length === 0 || this.#processes.size >= this.#settings.maxProcesses) {
      clearTimeout(this.#pressure);
      this.#pressure = undefined;
      return;
    }
    this.#pressure ??= setTimeout(() => {
      this.#pressure = undefined;
      if (this.#waiting.length > 0 && this.#processes.size < this.#settings.maxProcesses) this.#start();
      this.#feelPressure();
    }, PRESSURE_MS);
  }

  async #run({ evaluation, bundle, endsAt, timer, settle }: Waiting, process: SandboxProcess): Promise<void> {
    const { policy } = evaluation;
    clearTimeout(timer);
    this.#running.set(policy, (this.#running.get(policy) ?? 0) + 1);
    const limitMs = Math.max(1, endsAt - performance.now());
    const watchdog = this.#watch(process, limitMs);
    const outcome = await process.evaluate(evaluation, bundle, limitMs);
    const killedFor = watchdog.end();
    this.#leave(policy);
    const told = isWellFormed(outcome) ? outcome : { died: 'it sent a result that is none' };
    this.#judge(policy, process, told, killedFor);
    settle(this.#resultOf(evaluation, told, killedFor));
    this.#dispatch();
  }

  #leave(policy: string): void {
    const left = (this.#running.get(policy) ?? 1) - 1;
    if (left > 0) this.#running.set(policy, left);
    else this.#running.delete(policy);
  }

  /** Kills the process when time or memory is over. end() tells whether and why. */
  #watch(process: SandboxProcess, limitMs: number): { end(): KilledFor | undefined } {
    let killedFor: KilledFor | undefined;
    const kill = (why: KilledFor) => {
      killedFor ??= why;
      process.kill();
    };
    const time = setTimeout(() => kill(process.waitsForHost ? 'host' : 'time'), limitMs + GRACE_MS);
    const { residentLimitMiB, memoryLimitMiB } = this.#settings;
    // What earlier evaluations left in the process is not this one's fault.
    const allowedMiB = Math.max(residentLimitMiB, process.restingMiB + memoryLimitMiB);
    const memory = setInterval(() => {
      if (process.residentMiB() > allowedMiB) kill('memory');
    }, MEMORY_CHECK_MS);
    return {
      end: () => {
        clearTimeout(time);
        clearInterval(memory);
        return killedFor;
      },
    };
  }

  /** Decides whether the process may go on, and whether the policy ended too many. */
  #judge(policy: string, process: SandboxProcess, outcome: ProcessOutcome, killedFor: KilledFor | undefined): void {
    if ('result' in outcome && !outcome.result.retire) {
      const surplus = this.#processes.size > this.#settings.processes && this.#waiting.length === 0;
      if (surplus || process.isWorn(this.#settings.residentLimitMiB * WORN_SHARE)) process.kill();
      else this.#free.push(process);
      return;
    }
    process.kill();
    // The policy is not to blame for a host that is slow.
    if (killedFor === 'host') return;
    const reason = killedFor ?? ('died' in outcome ? outcome.died : undefined);
    const memory =
      'result' in outcome &&
      outcome.result.answer.kind === 'failed' &&
      outcome.result.answer.failure.cause === 'memory';
    if (reason === undefined && !memory) return;
    const told = this.#quarantine.strike(policy, reason ?? 'memory', Date.now());
    if (told) this.#settings.onQuarantine?.(policy, told.until, told.reason);
  }

  #resultOf({ policy, host }: Evaluation, outcome: ProcessOutcome, killedFor: KilledFor | undefined): EvaluationResult {
    if ('result' in outcome) {
      const { answer, prints, demoted } = outcome.result;
      for (const line of prints) host.print(line);
      if (demoted)
        this.#settings.log?.warn({ policy, why: demoted }, 'policy is evaluated in fresh contexts from now on');
      return answer;
    }
    const limit = this.#settings.residentLimitMiB;
    if (killedFor === 'time' || killedFor === 'host')
      return failed({ cause: 'timeout', message: `script ${policy} timed out` });
    if (killedFor === 'memory')
      return failed({ cause: 'memory', message: `policy ${policy} ran out of memory (limit ${limit} MiB)` });
    this.#settings.log?.warn({ policy, died: outcome.died }, 'sandbox process ended');
    return failed({ cause: 'crash', message: `sandbox of policy ${policy} ended unexpectedly` });
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    waiting.settle(refused('no sandbox was free in time'));
    this.#dispatch();
  }
}

const refused = (message: string): EvaluationResult => ({ kind: 'refused', message });
const failed = (failure: PolicyFailure): EvaluationResult => ({ kind: 'failed', failure });

/** What a sandbox process says is not trusted: only a result of the agreed form is used. */
function isWellFormed(outcome: ProcessOutcome): boolean {
  if (!('result' in outcome)) return true;
  const { answer, prints } = outcome.result;
  if (!Array.isArray(prints) || typeof answer !== 'object' || answer === null) return false;
  if (answer.kind === 'verdict')
    return Array.isArray(answer.verdict?.warnings) && typeof answer.review?.uid === 'string';
  if (answer.kind === 'failed') return typeof answer.failure?.message === 'string';
  return answer.kind === 'malformed' && typeof answer.message === 'string';
}

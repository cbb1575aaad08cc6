import type { ChildResult, FromChild } from '../messages.ts';
import type { Evaluation } from '../port.ts';
import type { ChildCommand } from './child-command.ts';
import { ChildLink, type ChildNews } from './child-link.ts';
import { HostCalls } from './host-calls.ts';
import type { LoadedBundle } from './loaded-bundles.ts';
import { isFromOthers, type KilledFor } from './outcome.ts';
import { cpuTimeMs, type ProcessState, processState } from './process-state.ts';
import { SentBundles } from './sent-bundles.ts';
import { finish, giveBack, howFar, type Sent, type Settle, sentNow } from './sent-evaluation.ts';

/** Resident memory is read from a file: not after each evaluation. */
const EVALUATIONS_PER_CHECK = 50;

/** A third of the memory: a larger value could hardly be parsed there, and the process would have to be ended for it. */
const VALUE_SHARE = 3;
const BYTES_PER_MIB = 1024 * 1024;
/** In a kept context, in a fresh one, and in one where it can wait for the host. No honest process begins more often. */
const MAX_RUNS = 3;

/** One sandbox process, seen from the evaluator. Evaluates in the order in which it is asked, one review at a time. */
export class SandboxProcess {
  readonly #link: ChildLink;
  readonly #memoryLimitMiB: number;
  readonly #maxValueBytes: number;
  readonly #bundles = new SentBundles();
  /** The first one is being evaluated. */
  readonly #line: Sent[] = [];
  #nextId = 0;
  #restingMiB = 0;
  /** Of the evaluation that runs, as far as it was looked at. */
  #largestMiB = 0;
  #retiring = false;

  constructor(memoryLimitMiB: number, command: ChildCommand, globalContext = '') {
    this.#memoryLimitMiB = memoryLimitMiB;
    this.#maxValueBytes = Math.floor((memoryLimitMiB * BYTES_PER_MIB) / VALUE_SHARE);
    this.#link = new ChildLink(command, {
      onNews: (news) => this.#hear(news),
      onDamage: () => this.kill('damaged'),
      onEnd: (how, told) => this.#end(how, told),
    });
    if (globalContext) this.#link.send({ type: 'globals' }, [Buffer.from(globalContext)]);
  }

  /** It takes evaluations, or it ended. */
  get ready(): Promise<void> {
    return this.#link.ready;
  }

  /** Its line is empty then. */
  get exited(): Promise<void> {
    return this.#link.exited;
  }

  /** It takes evaluations. */
  get isReady(): boolean {
    const { wasReady, ending, isKilled } = this.#link;
    return wasReady && ending === undefined && !isKilled && !this.#retiring;
  }

  /** It came as far as to take evaluations. */
  get wasReady(): boolean {
    return this.#link.wasReady;
  }

  /** How it ended, with the last line it wrote. */
  get ending(): string | undefined {
    return this.#link.ending;
  }

  get current(): Readonly<Sent> | undefined {
    return this.#line[0];
  }

  /** Evaluations that it was asked for and has not answered. */
  get load(): number {
    return this.#line.length;
  }

  /** The evaluation that runs waits for an answer of the host. */
  get waitsForHost(): boolean {
    return (this.#line[0]?.calls?.pending ?? 0) > 0;
  }

  /** And that answer is one of a write to the cluster. */
  get waitsForWrite(): boolean {
    return this.#line[0]?.calls?.isWriting ?? false;
  }

  /** Resident memory when it was last looked at between two evaluations, MiB. */
  get restingMiB(): number {
    return this.#restingMiB;
  }

  /** Resident memory now, MiB, and whether somebody stopped it. */
  state(): ProcessState {
    const state = processState(this.#link.pid);
    this.#largestMiB = Math.max(this.#largestMiB, state.residentMiB);
    return state;
  }

  /**
   * The share of one core that it had since the evaluation that runs was first looked at, or last called the host: 0 at the
   * first look, 1 where it cannot be told.
   */
  cpuShare(): number {
    const [current] = this.#line;
    const cpuMs = cpuTimeMs(this.#link.pid);
    if (!current || cpuMs === undefined) return 1;
    const atMs = performance.now();
    current.seen ??= { atMs, cpuMs };
    return (cpuMs - current.seen.cpuMs) / Math.max(1, atMs - current.seen.atMs);
  }

  /** Looks now and then, between two evaluations, whether the process has grown beyond so many MiB. */
  isWorn(limitMiB: number): boolean {
    if (this.#nextId % EVALUATIONS_PER_CHECK === 0) this.#restingMiB = processState(this.#link.pid).residentMiB;
    return this.#restingMiB > limitMiB;
  }

  /** `settle` is called once: with the outcome, and with the milliseconds that the evaluation itself took. */
  evaluate(evaluation: Evaluation, bundle: LoadedBundle, endsAt: number, settle: Settle): void {
    if (!this.isReady) {
      settle({ notBegun: true });
      return;
    }
    const id = this.#nextId++;
    const sent = sentNow({ id, evaluation, endsAt, settle });
    this.#line.push(sent);
    this.#sendBundle(bundle);
    const { policy, type: policyType, digest, review } = evaluation;
    // Also where this process was told otherwise: another one may have found out.
    const fresh = evaluation.fresh === true || bundle.isolation === 'request';
    const { limitMs } = sent;
    const deadlineMs = sent.deadlineAt - sent.startedAt;
    this.#link.send({ type: 'evaluate', id, policy, policyType, digest, limitMs, deadlineMs, fresh }, [review]);
  }

  /** Those behind the one that runs are given back; what the process still says of them is not heard. */
  freeTheLine(): void {
    for (const sent of this.#line.slice(1)) giveBack(sent);
  }

  /** Takes nothing more, and ends when what it has is done. */
  retire(): void {
    this.#retiring = true;
    if (this.#line.length === 0) this.kill();
  }

  /** Ends now; for when it evaluates nothing more: all that it has is given back. */
  discard(): void {
    this.kill();
    for (const sent of this.#line) giveBack(sent);
  }

  forget(digest: string): void {
    if (this.#bundles.remove(digest)) this.#link.send({ type: 'forget', digest });
  }

  /** With a reason the evaluation that runs is over at once: a process with much memory takes its time to be gone. */
  kill(why?: KilledFor): void {
    this.#link.kill();
    if (why === undefined) return;
    this.freeTheLine();
    const [current] = this.#line;
    if (!current) return;
    // Who says what no process says is not believed either in what he said before.
    if (why === 'damaged') current.ended = undefined;
    finish(current, { died: 'killed', killedFor: why, ...howFar(current, why === 'stopped') });
  }

  #end(how: string, died: string): void {
    this.freeTheLine();
    const [current] = this.#line.splice(0);
    if (current) finish(current, { died, ...howFar(current, this.#isByOthers(how)) });
  }

  /** The kernel's SIGKILL when memory runs out is the policy's, where it took much. */
  #isByOthers(how: string): boolean {
    if (this.#link.isKilled || !isFromOthers(how)) return false;
    return how !== 'SIGKILL' || this.#largestMiB <= this.#restingMiB + this.#memoryLimitMiB / 2;
  }

  #sendBundle({ digest, isolation, preludeLength, form, authorStart = 0, waits, script }: LoadedBundle): void {
    if (this.#bundles.use(digest)) return;
    for (const old of this.#bundles.add(digest, script.length)) this.#link.send({ type: 'forget', digest: old });
    this.#link.send({ type: 'bundle', digest, isolation, preludeLength, form, authorStart, waits }, [
      Buffer.from(script),
    ]);
  }

  #hear(news: ChildNews): void {
    const [current] = this.#line;
    if (!current || news.id !== current.id) return;
    if (news.type === 'result') this.#take(news);
    else if (news.type === 'again') this.#again(current);
    else if (news.type === 'ended') current.ended = news.answer;
    else this.#answerCall(current, news);
  }

  #take(result: ChildResult): void {
    const current = this.#line.shift() as Sent;
    this.#largestMiB = 0;
    const [next] = this.#line;
    if (next) next.startedAt = performance.now();
    finish(current, { result });
    // Also when nobody wants this result any more.
    if (result.retire) this.discard();
    if (this.#retiring && this.#line.length === 0) this.kill();
  }

  #again(current: Sent): void {
    current.runs += 1;
    if (current.runs > MAX_RUNS) {
      this.kill('damaged');
      return;
    }
    current.endsAt = Math.min(performance.now() + current.limitMs, current.deadlineAt);
    current.seen = undefined;
    current.ended = undefined;
    current.calls?.again();
  }

  #answerCall(current: Sent, { call, name, args }: Extract<FromChild, { type: 'call' }>): void {
    const { id, evaluation, givenBack } = current;
    if (givenBack) {
      this.#link.send({ type: 'reply', id, call, reply: { kind: 'stop' } });
      return;
    }
    current.seen = undefined;
    current.calls ??= new HostCalls({
      host: evaluation.host,
      endsAt: () => current.endsAt,
      maxValueBytes: this.#maxValueBytes,
      reply: (to, reply, body) => this.#link.send({ type: 'reply', id, call: to, reply }, body),
      onFlood: () => this.kill('damaged'),
      onFailure: (hostFailed, error) => {
        if (this.#line[0] !== current) return;
        finish(current, { hostFailed, error });
        this.kill();
      },
    });
    void current.calls.answer(call, name, args);
  }
}

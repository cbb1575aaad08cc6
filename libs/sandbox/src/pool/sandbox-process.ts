import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { ChildResult, FromChild, ToChild } from '../messages.ts';
import type { Evaluation } from '../port.ts';
import type { ChildCommand } from './child-command.ts';
import { childMessage, MAX_CHILD_FRAME_BYTES } from './child-message.ts';
import { HostCalls } from './host-calls.ts';
import type { LoadedBundle } from './loaded-bundles.ts';
import { isFromOthers, type KilledFor, type ProcessOutcome } from './outcome.ts';
import { cpuTimeMs, offerToOomKiller, type ProcessState, processState } from './process-state.ts';
import { SentBundles } from './sent-bundles.ts';
import { type SpawnedChild, spawnChild } from './spawn-child.ts';

/** Resident memory is read from a file: not after each evaluation. */
const EVALUATIONS_PER_CHECK = 50;
/** A process that is not ready by then does not start any more. */
const START_MS = 20_000;

/** A third of the memory: a larger value could hardly be parsed there, and the process would have to be ended for it. */
const VALUE_SHARE = 3;
const BYTES_PER_MIB = 1024 * 1024;
/** In a kept context, in a fresh one, and in one where it can wait for the host. No honest process begins more often. */
const MAX_RUNS = 3;

/** An evaluation that was sent. Times are of performance.now(). */
interface Sent {
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
  /** It goes to another process; what this one still does with it must have no effect. */
  givenBack: boolean;
  settle(outcome: ProcessOutcome, tookMs?: number): void;
}

/** One sandbox process, seen from the evaluator. Evaluates in the order in which it is asked, one review at a time. */
export class SandboxProcess {
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #memoryLimitMiB: number;
  readonly #maxValueBytes: number;
  readonly #onEnd: (how: string) => void;
  #child: ChildProcess | undefined;
  #pipe: Duplex | undefined;
  readonly #bundles = new SentBundles();
  /** The first one is being evaluated. */
  readonly #line: Sent[] = [];
  #nextId = 0;
  #restingMiB = 0;
  /** Of the evaluation that runs, as far as it was looked at. */
  #largestMiB = 0;
  #stderr = '';
  #ending: string | undefined;
  #wasReady = false;
  #killed = false;
  #retiring = false;

  constructor(memoryLimitMiB: number, command: ChildCommand, globalContext = '') {
    this.#memoryLimitMiB = memoryLimitMiB;
    this.#maxValueBytes = Math.floor((memoryLimitMiB * BYTES_PER_MIB) / VALUE_SHARE);
    const ready = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    this.#onEnd = (how) => {
      this.#end(how);
      ready.resolve();
      exited.resolve();
    };
    const spawned = spawnChild(command);
    if ('failed' in spawned) this.#onEnd(spawned.failed);
    else this.#follow(spawned, ready.resolve);
    if (globalContext) this.#send({ type: 'globals' }, [Buffer.from(globalContext)]);
  }

  #follow({ child, pipe }: SpawnedChild, onReady: () => void): void {
    this.#child = child;
    this.#pipe = pipe;
    offerToOomKiller(child.pid);
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-4_000);
    });
    child.once('exit', (code, signal) => this.#onEnd(signal ?? `exit code ${code}`));
    child.once('error', (error) => this.#onEnd(error.message));
    const startTimer = setTimeout(() => this.kill(), START_MS);
    void this.ready.then(() => clearTimeout(startTimer));
    this.#read(pipe, onReady);
  }

  /** It takes evaluations. */
  get isReady(): boolean {
    return this.#wasReady && this.#ending === undefined && !this.#killed && !this.#retiring;
  }

  /** It came as far as to take evaluations. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** How it ended, with the last line it wrote. */
  get ending(): string | undefined {
    return this.#ending;
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
    const state = processState(this.#child?.pid);
    this.#largestMiB = Math.max(this.#largestMiB, state.residentMiB);
    return state;
  }

  /**
   * The share of one core that it had since the evaluation that runs was first looked at, or last called the host: 0 at the
   * first look, 1 where it cannot be told.
   */
  cpuShare(): number {
    const [current] = this.#line;
    const cpuMs = cpuTimeMs(this.#child?.pid);
    if (!current || cpuMs === undefined) return 1;
    const atMs = performance.now();
    current.seen ??= { atMs, cpuMs };
    return (cpuMs - current.seen.cpuMs) / Math.max(1, atMs - current.seen.atMs);
  }

  /** Looks now and then, between two evaluations, whether the process has grown beyond so many MiB. */
  isWorn(limitMiB: number): boolean {
    if (this.#nextId % EVALUATIONS_PER_CHECK === 0) this.#restingMiB = processState(this.#child?.pid).residentMiB;
    return this.#restingMiB > limitMiB;
  }

  /** `settle` is called once: with the outcome, and with the milliseconds that the evaluation itself took. */
  evaluate(evaluation: Evaluation, bundle: LoadedBundle, endsAt: number, settle: Sent['settle']): void {
    if (!this.isReady) {
      settle({ notBegun: true });
      return;
    }
    const id = this.#nextId++;
    const now = performance.now();
    const { limitMs: wholeMs, deadlineMs: wholeDeadlineMs = wholeMs } = evaluation;
    const limitMs = Math.max(1, endsAt - now);
    const deadlineMs = limitMs + Math.max(0, wholeDeadlineMs - wholeMs);
    this.#line.push({
      id,
      evaluation,
      endsAt,
      deadlineAt: now + deadlineMs,
      limitMs,
      runs: 1,
      startedAt: now,
      calls: undefined,
      seen: undefined,
      givenBack: false,
      settle,
    });
    this.#sendBundle(bundle);
    const { policy, type: policyType, digest, review } = evaluation;
    // Also where this process was told otherwise: another one may have found out.
    const fresh = evaluation.fresh === true || bundle.isolation === 'request';
    this.#send({ type: 'evaluate', id, policy, policyType, digest, limitMs, deadlineMs, fresh }, [review]);
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
    if (this.#bundles.remove(digest)) this.#send({ type: 'forget', digest });
  }

  /** With a reason the evaluation that runs is over at once: a process with much memory takes its time to be gone. */
  kill(why?: KilledFor): void {
    this.#killed = true;
    this.#child?.kill('SIGKILL');
    if (why === undefined) return;
    this.freeTheLine();
    const [current] = this.#line;
    if (current) finish(current, { died: 'killed', killedFor: why, ...repeatable(current, why === 'stopped') });
  }

  #end(how: string): void {
    const lastLine = this.#stderr.trim().split('\n').at(-1);
    const died = lastLine ? `${how}: ${lastLine}` : how;
    this.#ending = died;
    this.freeTheLine();
    const [current] = this.#line.splice(0);
    if (current) finish(current, { died, ...repeatable(current, this.#isByOthers(how)) });
  }

  /** The kernel's SIGKILL when memory runs out is the policy's, where it took much. */
  #isByOthers(how: string): boolean {
    if (this.#killed || !isFromOthers(how)) return false;
    return how !== 'SIGKILL' || this.#largestMiB <= this.#restingMiB + this.#memoryLimitMiB / 2;
  }

  #sendBundle({ digest, isolation, preludeLength, form, authorStart = 0, waits, script }: LoadedBundle): void {
    if (this.#bundles.use(digest)) return;
    for (const old of this.#bundles.add(digest, script.length)) this.#send({ type: 'forget', digest: old });
    this.#send({ type: 'bundle', digest, isolation, preludeLength, form, authorStart, waits }, [Buffer.from(script)]);
  }

  #send(message: ToChild, body?: readonly Uint8Array[]): void {
    if (this.#ending === undefined) this.#pipe?.write(encodeFrame(message, body));
  }

  #read(pipe: Duplex, onReady: () => void): void {
    const reader = new FrameReader<unknown>(MAX_CHILD_FRAME_BYTES);
    // Its end is told by its exit, with its reason.
    pipe.on('error', () => this.#child?.kill('SIGKILL'));
    pipe.on('data', (chunk: Buffer) => {
      if (this.#killed) return;
      try {
        reader.push(chunk);
        for (let frame = reader.next(); frame; frame = reader.next()) this.#receive(frame.header, onReady);
      } catch {
        // No frames, or no JSON in them.
        this.kill('damaged');
      }
    });
  }

  #receive(header: unknown, onReady: () => void): void {
    const message = childMessage(header);
    if (!message) this.kill('damaged');
    else if (message.type === 'ready') {
      this.#wasReady = true;
      onReady();
    } else if (message.id !== this.#line[0]?.id) return;
    else if (message.type === 'result') this.#take(message);
    else if (message.type === 'again') this.#again(this.#line[0]);
    else this.#answerCall(this.#line[0], message);
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
    if (current.runs > MAX_RUNS) this.kill('damaged');
    current.endsAt = Math.min(performance.now() + current.limitMs, current.deadlineAt);
    current.seen = undefined;
    current.calls?.again();
  }

  #answerCall(current: Sent, { call, name, args }: Extract<FromChild, { type: 'call' }>): void {
    const { id, evaluation, givenBack } = current;
    if (givenBack) {
      this.#send({ type: 'reply', id, call, reply: { kind: 'stop' } });
      return;
    }
    current.seen = undefined;
    current.calls ??= new HostCalls({
      host: evaluation.host,
      endsAt: () => current.endsAt,
      maxValueBytes: this.#maxValueBytes,
      reply: (to, reply, body) => this.#send({ type: 'reply', id, call: to, reply }, body),
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

const repeatable = ({ calls }: Sent, byOthers: boolean) => ({ byOthers, mayRepeat: !calls?.mayHaveChanged });

function giveBack(sent: Sent): void {
  sent.givenBack = true;
  settleOnce(sent, { notBegun: true });
}

function finish(sent: Sent, outcome: ProcessOutcome): void {
  sent.calls?.end();
  settleOnce(sent, outcome, performance.now() - sent.startedAt);
}

/** Who is told may end this process at once, which settles what is in its line. */
function settleOnce(sent: Sent, outcome: ProcessOutcome, tookMs?: number): void {
  const { settle } = sent;
  sent.settle = () => undefined;
  settle(outcome, tookMs);
}

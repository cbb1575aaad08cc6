import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Bundle } from '@jspolicy/contracts';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { ChildResult, FromChild, ToChild } from '../messages.ts';
import type { Evaluation } from '../port.ts';
import { childCommand, PIPE_FD } from './child-command.ts';
import { HostCalls } from './host-calls.ts';
import type { KilledFor, ProcessOutcome } from './outcome.ts';
import { offerToOomKiller, residentMiB } from './resident-memory.ts';

/** Resident memory is read from a file: not after each evaluation. */
const EVALUATIONS_PER_CHECK = 50;
/** A process that is not ready by then does not start any more. */
const START_MS = 20_000;

/** A third of the memory: a larger value could hardly be parsed there, and the process would have to be ended for it. */
const VALUE_SHARE = 3;
const BYTES_PER_MIB = 1024 * 1024;

/** An evaluation that was sent. Times are of performance.now(). */
interface Sent {
  id: number;
  evaluation: Evaluation;
  endsAt: number;
  /** When it became the first of the line. */
  startedAt: number;
  /** Made with the first host call: most evaluations have none, and an abort costs. */
  calls: HostCalls | undefined;
  /** It goes to another process; what this one still does with it must have no effect. */
  givenBack: boolean;
  settle(outcome: ProcessOutcome, tookMs?: number): void;
}

/** One sandbox process, seen from the evaluator. Evaluates in the order in which it is asked, one review at a time. */
export class SandboxProcess {
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #maxValueBytes: number;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #bundles = new Set<string>();
  /** The first one is being evaluated. */
  readonly #line: Sent[] = [];
  #nextId = 0;
  #restingMiB = 0;
  #stderr = '';
  #ending: string | undefined;
  #wasReady = false;
  #killed = false;
  #retiring = false;

  constructor(memoryLimitMiB: number) {
    this.#maxValueBytes = Math.floor((memoryLimitMiB * BYTES_PER_MIB) / VALUE_SHARE);
    const { command, args } = childCommand(memoryLimitMiB);
    this.#child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    offerToOomKiller(this.#child.pid);
    this.#pipe = this.#child.stdio[PIPE_FD] as Duplex;
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-4_000);
    });
    let becameReady: () => void = () => undefined;
    this.ready = new Promise((resolve) => {
      becameReady = resolve;
    });
    this.exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.#end(how);
        becameReady();
        resolve();
      };
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
      this.#child.once('error', (error) => end(error.message));
    });
    const startTimer = setTimeout(() => this.kill(), START_MS);
    void this.ready.then(() => clearTimeout(startTimer));
    this.#read(becameReady);
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

  residentMiB(): number {
    return residentMiB(this.#child.pid);
  }

  /** Looks now and then, between two evaluations, whether the process has grown beyond so many MiB. */
  isWorn(limitMiB: number): boolean {
    if (this.#nextId % EVALUATIONS_PER_CHECK === 0) this.#restingMiB = this.residentMiB();
    return this.#restingMiB > limitMiB;
  }

  /** `settle` is called once: with the outcome, and with the milliseconds that the evaluation itself took. */
  evaluate(evaluation: Evaluation, bundle: Bundle, endsAt: number, settle: Sent['settle']): void {
    if (!this.isReady) {
      settle({ notBegun: true });
      return;
    }
    const id = this.#nextId++;
    const now = performance.now();
    this.#line.push({ id, evaluation, endsAt, startedAt: now, calls: undefined, givenBack: false, settle });
    this.#sendBundle(bundle);
    const { policy, type: policyType, digest, review, fresh = false } = evaluation;
    this.#send({ type: 'evaluate', id, policy, policyType, digest, limitMs: Math.max(1, endsAt - now), fresh }, [
      review,
    ]);
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
    if (this.#bundles.delete(digest)) this.#send({ type: 'forget', digest });
  }

  /** With a reason the evaluation that runs is over at once: a process with much memory takes its time to be gone. */
  kill(why?: KilledFor): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
    if (why === undefined) return;
    this.freeTheLine();
    const [current] = this.#line;
    if (current) finish(current, { died: 'killed', killedFor: why });
  }

  #end(how: string): void {
    const lastLine = this.#stderr.trim().split('\n').at(-1);
    const died = lastLine ? `${how}: ${lastLine}` : how;
    this.#ending = died;
    this.freeTheLine();
    const [current] = this.#line.splice(0);
    const byOthers = how === 'SIGKILL' && !this.#killed && current?.calls === undefined;
    if (current) finish(current, { died, byOthers });
  }

  #sendBundle({ digest, isolation, preludeLength, form, authorStart = 0, hostCalls, script }: Bundle): void {
    if (this.#bundles.has(digest)) return;
    this.#bundles.add(digest);
    const waits = hostCalls.length > 0;
    this.#send({ type: 'bundle', digest, isolation, preludeLength, form, authorStart, waits }, [Buffer.from(script)]);
  }

  #send(message: ToChild, body?: readonly Uint8Array[]): void {
    if (this.#ending === undefined) this.#pipe.write(encodeFrame(message, body));
  }

  #read(onReady: () => void): void {
    const reader = new FrameReader<FromChild>();
    // Its end is told by its exit, with its reason.
    this.#pipe.on('error', () => this.#child.kill('SIGKILL'));
    this.#pipe.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
        for (let frame = reader.next(); frame; frame = reader.next()) this.#receive(frame.header, onReady);
      } catch {
        // What a sandbox process says is not trusted: frames that are none end it.
        this.kill();
      }
    });
  }

  #receive(message: FromChild, onReady: () => void): void {
    if (message.type === 'ready') {
      this.#wasReady = true;
      onReady();
    } else if (message.id !== this.#line[0]?.id) return;
    else if (message.type === 'result') this.#take(message);
    else this.#answerCall(this.#line[0], message);
  }

  #take(result: ChildResult): void {
    const current = this.#line.shift() as Sent;
    const [next] = this.#line;
    if (next) next.startedAt = performance.now();
    finish(current, { result });
    // Also when nobody wants this result any more.
    if (result.retire) this.discard();
    if (this.#retiring && this.#line.length === 0) this.kill();
  }

  #answerCall(current: Sent, { call, name, args }: Extract<FromChild, { type: 'call' }>): void {
    const { id, evaluation, endsAt, givenBack } = current;
    if (givenBack) {
      this.#send({ type: 'reply', id, call, reply: { kind: 'stop' } });
      return;
    }
    current.calls ??= new HostCalls({
      host: evaluation.host,
      endsAt,
      maxValueBytes: this.#maxValueBytes,
      reply: (to, reply, body) => this.#send({ type: 'reply', id, call: to, reply }, body),
      onFailure: (hostFailed, error) => {
        if (this.#line[0] !== current) return;
        finish(current, { hostFailed, error });
        this.kill();
      },
    });
    void current.calls.answer(call, name, args);
  }
}

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

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Bundle } from '@jspolicy/contracts';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { ChildResult, FromChild, ToChild } from '../messages.ts';
import { type Evaluation, HostCallError } from '../port.ts';
import { childCommand, PIPE_FD } from './child-command.ts';

const PAGE_BYTES = 4096;
const BYTES_PER_MIB = 1024 * 1024;
/** Resident memory is read from a file: not after each evaluation. */
const EVALUATIONS_PER_CHECK = 50;

/** A process that is not ready by then does not start any more. */
const START_MS = 20_000;
/** Host calls that are left so long before the time is over are ended, so that the policy's own thread can end too. */
const STOP_BEFORE_MS = 20;

/** How an evaluation in a process ended. */
export type ProcessOutcome =
  | { result: ChildResult }
  | { died: string }
  /** Neither the evaluation nor we ended it, as far as one can tell; no host call was made. */
  | { died: string; killedByOthers: true }
  /** A host function rejected with an error that is not the policy's. The process is still evaluating. */
  | { hostFailed: string; error: unknown };

interface Current {
  id: number;
  evaluation: Evaluation;
  /** Made with the first host call: most evaluations have none, and an abort costs. */
  abort: AbortController | undefined;
  pendingCalls: number;
  calls: number;
  endsAt: number;
  settle(outcome: ProcessOutcome): void;
}

/** One sandbox process, seen from the evaluator. Evaluates one review at a time. */
export class SandboxProcess {
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #sent = new Set<string>();
  #current: Current | undefined;
  #nextId = 0;
  #restingMiB = 0;
  #stderr = '';
  #ending: string | undefined;
  #wasReady = false;
  #killed = false;

  constructor(memoryLimitMiB: number) {
    const { command, args } = childCommand(memoryLimitMiB);
    this.#child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    this.#offerToOomKiller();
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

  get alive(): boolean {
    return this.#ending === undefined;
  }

  /** It came as far as to take evaluations. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** How it ended, with the last line it wrote. */
  get ending(): string | undefined {
    return this.#ending;
  }

  /** The evaluation that runs waits for an answer of the host. */
  get waitsForHost(): boolean {
    return (this.#current?.pendingCalls ?? 0) > 0;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Never rejects. The caller sees to it that one runs at a time, and kills when time is over. */
  evaluate(evaluation: Evaluation, bundle: Bundle, limitMs: number): Promise<ProcessOutcome> {
    if (this.#ending !== undefined) return Promise.resolve({ died: 'it had ended before', killedByOthers: true });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const endsAt = performance.now() + limitMs;
      this.#current = { id, evaluation, abort: undefined, pendingCalls: 0, calls: 0, endsAt, settle: resolve };
      this.#sendBundle(bundle);
      const { policy, type: policyType, digest, review } = evaluation;
      this.#send({ type: 'evaluate', id, policy, policyType, digest, limitMs }, review);
    });
  }

  /** Resident memory when it was last looked at between two evaluations, MiB. */
  get restingMiB(): number {
    return this.#restingMiB;
  }

  /** Looks now and then, between two evaluations, whether the process has grown beyond so many MiB. */
  isWorn(limitMiB: number): boolean {
    if (this.#nextId % EVALUATIONS_PER_CHECK === 0) this.#restingMiB = this.residentMiB();
    return this.#restingMiB > limitMiB;
  }

  forget(digest: string): void {
    if (this.#sent.delete(digest)) this.#send({ type: 'forget', digest });
  }

  /** Resident memory in MiB; 0 where it cannot be told. */
  residentMiB(): number {
    try {
      const pages = Number(readFileSync(`/proc/${this.#child.pid}/statm`, 'utf8').split(' ')[1]);
      return (pages * PAGE_BYTES) / BYTES_PER_MIB;
    } catch {
      return 0;
    }
  }

  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  #end(how: string): void {
    const lastLine = this.#stderr.trim().split('\n').at(-1);
    this.#ending = lastLine ? `${how}: ${lastLine}` : how;
    const byOthers = how === 'SIGKILL' && !this.#killed && this.#current?.calls === 0;
    this.#settle({ died: this.#ending, ...(byOthers && { killedByOthers: true }) });
  }

  /** Where memory runs out on the machine, the kernel ends a sandbox and not the evaluator. */
  #offerToOomKiller(): void {
    try {
      writeFileSync(`/proc/${this.#child.pid}/oom_score_adj`, '1000');
    } catch {
      // Another system, or gone already.
    }
  }

  #sendBundle({ digest, isolation, preludeLength, form, hostCalls, script }: Bundle): void {
    if (this.#sent.has(digest)) return;
    this.#sent.add(digest);
    const waits = hostCalls.length > 0;
    this.#send({ type: 'bundle', digest, isolation, preludeLength, form, waits }, Buffer.from(script));
  }

  #send(message: ToChild, body?: Uint8Array): void {
    if (this.#ending === undefined) this.#pipe.write(encodeFrame(message, body));
  }

  #read(onReady: () => void): void {
    const reader = new FrameReader<FromChild>();
    this.#pipe.on('error', () => this.kill());
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
    } else if (message.id !== this.#current?.id) return;
    else if (message.type === 'result') this.#settle({ result: message });
    else void this.#answerCall(message, this.#current);
  }

  async #answerCall({ call, name, args }: Extract<FromChild, { type: 'call' }>, current: Current): Promise<void> {
    const { id, evaluation, endsAt } = current;
    current.abort ??= new AbortController();
    const { signal } = current.abort;
    current.calls++;
    current.pendingCalls++;
    const timer = setTimeout(() => this.#stopCalls(current, call), endsAt - STOP_BEFORE_MS - performance.now());
    try {
      const value = await evaluation.host.call({ name, args }, signal);
      if (!signal.aborted) this.#send({ type: 'reply', id, call, reply: { kind: 'value', value } });
    } catch (error) {
      // What was cut off because the evaluation is over is told to nobody.
      if (signal.aborted) return;
      if (!(error instanceof HostCallError)) return this.#settle({ hostFailed: name, error });
      const { reason, message } = error;
      this.#send({ type: 'reply', id, call, reply: { kind: 'thrown', reason, message } });
    } finally {
      clearTimeout(timer);
      current.pendingCalls--;
    }
  }

  /** Time is over for the host: the policy is told, and does not get what still comes. */
  #stopCalls(current: Current, call: number): void {
    if (this.#current !== current) return;
    this.#send({ type: 'reply', id: current.id, call, reply: { kind: 'stop' } });
    current.abort?.abort();
  }

  #settle(outcome: ProcessOutcome): void {
    const current = this.#current;
    this.#current = undefined;
    current?.abort?.abort();
    current?.settle(outcome);
  }
}

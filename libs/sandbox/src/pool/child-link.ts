import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { FromChild, ToChild } from '../messages.ts';
import type { ChildCommand } from './child-command.ts';
import { childMessage, MAX_CHILD_FRAME_BYTES } from './child-message.ts';
import { offerToOomKiller } from './process-state.ts';
import { type SpawnedChild, spawnChild } from './spawn-child.ts';

/** A process that is not ready by then does not start any more. */
const START_MS = 20_000;
/** What is kept of what it writes to its stderr, UTF-16 units. */
const STDERR_UNITS = 4_000;

/** What a process says of its evaluations. */
export type ChildNews = Exclude<FromChild, { type: 'ready' }>;

interface ChildListener {
  onNews(news: ChildNews): void;
  /** It said what no sandbox process says. To be killed. */
  onDamage(): void;
  /**
   * `how`: a signal, an exit code or why it did not start; `told`: the same with the last line it wrote. Before `ready` and
   * `exited` resolve, and within the constructor where it cannot be started.
   */
  onEnd(how: string, told: string): void;
}

/** A sandbox process and the pipe to it: messages out, messages in until it is killed, how it ended. */
export class ChildLink {
  /** It takes evaluations, or it ended. */
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #listener: ChildListener;
  readonly #onReady: () => void;
  readonly #onEnd: (how: string) => void;
  #child: ChildProcess | undefined;
  #pipe: Duplex | undefined;
  #stderr = '';
  #ending: string | undefined;
  #wasReady = false;
  #killed = false;

  constructor(command: ChildCommand, listener: ChildListener) {
    this.#listener = listener;
    const ready = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    this.#onReady = ready.resolve;
    this.#onEnd = (how) => {
      const told = this.#withLastLine(how);
      this.#ending = told;
      listener.onEnd(how, told);
      ready.resolve();
      exited.resolve();
    };
    const spawned = spawnChild(command);
    if ('failed' in spawned) this.#onEnd(spawned.failed);
    else this.#follow(spawned);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It came as far as to take evaluations. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** By kill(). */
  get isKilled(): boolean {
    return this.#killed;
  }

  /** How it ended, with the last line it wrote. */
  get ending(): string | undefined {
    return this.#ending;
  }

  /** Nothing happens when it has ended. */
  send(message: ToChild, body?: readonly Uint8Array[]): void {
    if (this.#ending === undefined) this.#pipe?.write(encodeFrame(message, body));
  }

  /** What it says from now on is not heard, also what was read already. */
  kill(): void {
    this.#killed = true;
    this.#child?.kill('SIGKILL');
  }

  #follow({ child, pipe }: SpawnedChild): void {
    this.#child = child;
    this.#pipe = pipe;
    offerToOomKiller(child.pid);
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-STDERR_UNITS);
    });
    child.once('exit', (code, signal) => this.#onEnd(signal ?? `exit code ${code}`));
    child.once('error', (error) => this.#onEnd(error.message));
    const startTimer = setTimeout(() => this.kill(), START_MS);
    void this.ready.then(() => clearTimeout(startTimer));
    this.#read(pipe);
  }

  #withLastLine(how: string): string {
    const lastLine = this.#stderr.trim().split('\n').at(-1);
    return lastLine ? `${how}: ${lastLine}` : how;
  }

  #read(pipe: Duplex): void {
    const reader = new FrameReader<unknown>(MAX_CHILD_FRAME_BYTES);
    // Its end is told by its exit, with its reason.
    pipe.on('error', () => this.#child?.kill('SIGKILL'));
    pipe.on('data', (chunk: Buffer) => {
      if (this.#killed) return;
      try {
        reader.push(chunk);
        for (let frame = reader.next(); frame && !this.#killed; frame = reader.next()) this.#receive(frame.header);
      } catch {
        // No frames, or no JSON in them.
        this.#listener.onDamage();
      }
    });
  }

  #receive(header: unknown): void {
    const message = childMessage(header);
    if (!message) this.#listener.onDamage();
    else if (message.type === 'ready') {
      this.#wasReady = true;
      this.#onReady();
    } else this.#listener.onNews(message);
  }
}

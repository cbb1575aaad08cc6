import { lengthOf } from '../frames.ts';
import { isRead, isWrite, MAX_HOST_CALLS, TOO_MANY_CALLS } from '../host-call-rules.ts';
import type { CallReply } from '../messages.ts';
import { HostCallError, type HostFunctions, JsonText } from '../port.ts';

/** Host calls that are left so long before the time is over are ended, so that the policy's own thread can end too. */
const STOP_BEFORE_MS = 20;

/** A sandbox process refuses calls beyond the limit itself; one that goes on so far beyond it is no honest one. */
const FLOOD_CALLS = 2 * MAX_HOST_CALLS;
/** Policies wait for each answer: an honest process has one call out, or two where the end of a run was not heard yet. */
const MAX_PENDING = 4;

interface CallsOptions {
  host: HostFunctions;
  /** When the run is to be over, of performance.now(). */
  endsAt(): number;
  /** A value larger than this is an error that the policy sees. */
  maxValueBytes: number;
  reply(call: number, reply: CallReply, body?: readonly Uint8Array[]): void;
  /** The process does not stop asking. */
  onFlood(): void;
  /** A host function rejected with an error that is not the policy's. */
  onFailure(name: string, error: unknown): void;
}

/** The host calls of one evaluation. */
export class HostCalls {
  readonly #options: CallsOptions;
  readonly #abort = new AbortController();
  #count = 0;
  #pending = 0;
  #writing = 0;
  #mayHaveChanged = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending;
  }

  get isWriting(): boolean {
    return this.#writing > 0;
  }

  get mayHaveChanged(): boolean {
    return this.#mayHaveChanged;
  }

  /** Another run begins; what an earlier one may have changed stays known. */
  again(): void {
    this.#count = 0;
  }

  /** Never rejects. */
  async answer(call: number, name: string, args: unknown[]): Promise<void> {
    if (++this.#count > FLOOD_CALLS || this.#pending >= MAX_PENDING) this.#options.onFlood();
    else if (this.#count <= MAX_HOST_CALLS) await this.#ask(call, name, args);
    else this.#options.reply(call, { kind: 'thrown', ...TOO_MANY_CALLS });
  }

  async #ask(call: number, name: string, args: unknown[]): Promise<void> {
    const { host, endsAt, maxValueBytes, reply, onFailure } = this.#options;
    const { signal } = this.#abort;
    // Not when little time is left already: a timer takes no negative number.
    const leftMs = Math.max(0, endsAt() - STOP_BEFORE_MS - performance.now());
    const timer = setTimeout(() => this.#stop(call), leftMs);
    const writes = isWrite(name) ? 1 : 0;
    this.#mayHaveChanged ||= !isRead(name);
    this.#pending++;
    this.#writing += writes;
    try {
      const value = await host.call({ name, args }, signal);
      if (!signal.aborted) reply(call, { kind: 'value' }, checkedBody(name, value, maxValueBytes));
    } catch (error) {
      // What was cut off because the evaluation is over is told to nobody.
      if (signal.aborted) return;
      if (!(error instanceof HostCallError)) return onFailure(name, error);
      reply(call, { kind: 'thrown', reason: error.reason, message: error.message });
    } finally {
      clearTimeout(timer);
      this.#pending--;
      this.#writing -= writes;
    }
  }

  /** The evaluation is over: work that is left must stop. */
  end(): void {
    this.#abort.abort();
  }

  #stop(call: number): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#options.reply(call, { kind: 'stop' });
  }
}

function checkedBody(name: string, value: unknown, maxBytes: number): readonly Uint8Array[] {
  const body = value instanceof JsonText ? value.pieces : jsonPieces(value);
  const bytes = lengthOf(body);
  if (bytes <= maxBytes) return body;
  throw new HostCallError(
    'TooLarge',
    `${name}() gives ${bytes} bytes, more than the ${maxBytes} that a policy can take`,
  );
}

function jsonPieces(value: unknown): Uint8Array[] {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? [] : [Buffer.from(text)];
}

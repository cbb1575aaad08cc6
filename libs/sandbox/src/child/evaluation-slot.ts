import type { ContextHost } from './guest-context.ts';
import { PrintBuffer } from './print-buffer.ts';

/** A policy that asks the host more often than this in one evaluation is stopped. */
const MAX_HOST_CALLS = 100;

/** What the evaluation that runs said so far. One at a time in a process. */
export class EvaluationSlot implements ContextHost {
  readonly prints = new PrintBuffer();
  readonly #ask: (name: string, args: string) => Promise<string>;
  #open = false;
  #calls = 0;
  /** The policy's own end; it stands whatever its code did after it. */
  outcome: string | undefined;
  /** The policy reached for the host where it cannot wait: the run counts for nothing. */
  hostNeeded = false;

  constructor(ask: (name: string, args: string) => Promise<string>) {
    this.#ask = ask;
  }

  open(): void {
    this.#open = true;
    this.#calls = 0;
    this.outcome = undefined;
    this.hostNeeded = false;
    this.prints.clear();
  }

  close(): void {
    this.#open = false;
  }

  get calls(): number {
    return this.#calls;
  }

  async call(name: string, args: string): Promise<string> {
    if (!this.#open) return refusal('EvaluationClosed', 'evaluation closed');
    if (++this.#calls > MAX_HOST_CALLS)
      return refusal('TooManyCalls', `a policy may call the host ${MAX_HOST_CALLS} times in one evaluation`);
    return this.#ask(name, args);
  }

  needsHost(): void {
    if (this.#open) this.hostNeeded = true;
  }

  print(line: string): void {
    if (this.#open) this.prints.add(String(line));
  }

  end(outcome: string): void {
    if (this.#open) this.outcome ??= outcome;
  }
}

const refusal = (reason: string, message: string): string => `e${JSON.stringify({ reason, message })}`;

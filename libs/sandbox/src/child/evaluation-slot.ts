import { isRead, MAX_HOST_CALLS, TOO_MANY_CALLS } from '../host-call-rules.ts';
import type { ContextHost } from './guest-context.ts';
import { PrintBuffer } from './print-buffer.ts';

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
  /** The policy reached for what a kept context must not give: the run counts for nothing. */
  freshNeeded = false;
  /** A host function that may change something was called. */
  wrote = false;

  constructor(ask: (name: string, args: string) => Promise<string>) {
    this.#ask = ask;
  }

  open(): void {
    this.#open = true;
    this.#calls = 0;
    this.outcome = undefined;
    this.hostNeeded = false;
    this.freshNeeded = false;
    this.wrote = false;
    this.prints.clear();
  }

  close(): void {
    this.#open = false;
  }

  async call(name: string, args: string): Promise<string> {
    if (!this.#open) return refusal('EvaluationClosed', 'evaluation closed');
    if (++this.#calls > MAX_HOST_CALLS) return refusal(TOO_MANY_CALLS.reason, TOO_MANY_CALLS.message);
    this.wrote ||= !isRead(name);
    return this.#ask(name, args);
  }

  needsHost(): void {
    if (this.#open) this.hostNeeded = true;
  }

  needsFresh(): void {
    if (this.#open) this.freshNeeded = true;
  }

  print(line: string): void {
    if (this.#open) this.prints.add(String(line));
  }

  end(outcome: string): void {
    if (this.#open) this.outcome ??= outcome;
  }
}

const refusal = (reason: string, message: string): string => `e${JSON.stringify({ reason, message })}`;

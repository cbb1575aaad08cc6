import { isRead, MAX_HOST_CALLS, TOO_MANY_CALLS } from '../host-call-rules.ts';
import type { ContextHost } from './guest-context.ts';
import { isTooDeep, MAX_DEPTH } from './json-depth.ts';
import { PrintBuffer } from './print-buffer.ts';

/** JSON of a call's arguments, UTF-16 units. The API server takes requests of 3 MiB. */
const MAX_ARGUMENT_UNITS = 4 * 1024 * 1024;

/** What the evaluation that runs said so far. One at a time in a process. */
export class EvaluationSlot implements ContextHost {
  readonly prints = new PrintBuffer();
  readonly #ask: (name: string, args: string) => Promise<string>;
  readonly #onAgain: () => void;
  #open = false;
  #calls = 0;
  #onEnd: ((outcome: string) => void) | undefined;
  /** The policy's own end; it stands whatever its code did after it. */
  outcome: string | undefined;
  /** The policy reached for the host where it cannot wait: the run counts for nothing. */
  hostNeeded = false;
  /** The policy reached for what a kept context must not give: the run counts for nothing. */
  freshNeeded = false;
  /** A host function that may change something was called. */
  wrote = false;

  /** `onAgain`: the evaluation is begun anew, and what it did so far counts for nothing. */
  constructor(ask: (name: string, args: string) => Promise<string>, onAgain: () => void) {
    this.#ask = ask;
    this.#onAgain = onAgain;
  }

  /** `onEnd`: the policy ended itself, in a run that counts so far; its code may still go on. Must not throw. */
  open(again: boolean, onEnd?: ((outcome: string) => void) | undefined): void {
    if (again) this.#onAgain();
    this.#open = true;
    this.#onEnd = onEnd;
    this.#calls = 0;
    this.outcome = undefined;
    this.hostNeeded = false;
    this.freshNeeded = false;
    this.wrote = false;
    this.prints.clear();
  }

  /** The policy's code came back: what is its end now is told at once anyway. */
  codeIsOver(): void {
    this.#onEnd = undefined;
  }

  close(): void {
    this.#open = false;
  }

  async call(name: string, args: string): Promise<string> {
    if (!this.#open) return refusal('EvaluationClosed', 'evaluation closed');
    if (++this.#calls > MAX_HOST_CALLS) return refusal(TOO_MANY_CALLS.reason, TOO_MANY_CALLS.message);
    const problem = argumentsProblem(name, args);
    if (problem) return refusal('WrongArguments', problem);
    this.wrote ||= !isRead(name);
    return this.#ask(name, args);
  }

  needsHost(): void {
    if (this.#open) this.hostNeeded = true;
  }

  /** True: the run is ended here. One that may have written goes on, because its result must stand. */
  needsFresh(): boolean {
    if (!this.#open) return false;
    this.freshNeeded = true;
    return !this.wrote;
  }

  print(line: string): void {
    if (this.#open) this.prints.add(String(line));
  }

  end(outcome: string): void {
    if (!this.#open || this.outcome !== undefined) return;
    this.outcome = outcome;
    if (!this.hostNeeded && !this.freshNeeded) this.#onEnd?.(outcome);
  }
}

/** What the host could not read, or not pass on. */
function argumentsProblem(name: string, args: string): string | undefined {
  if (args.length > MAX_ARGUMENT_UNITS)
    return `${name}() takes ${MAX_ARGUMENT_UNITS} characters of JSON at most, not ${args.length}`;
  return isTooDeep(args) ? `${name}(): an argument is nested more than ${MAX_DEPTH} deep` : undefined;
}

const refusal = (reason: string, message: string): string => `e${JSON.stringify({ reason, message })}`;

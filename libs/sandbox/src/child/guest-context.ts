import ivm from 'isolated-vm';
import { BOOTSTRAP_NAME, bootstrapText } from '../guest/bootstrap.ts';
import { GUEST } from '../guest/guest-types.ts';
import { convertBase64 } from './base64.ts';

/**
 * direct: on this thread, fastest; a policy cannot wait for the host there.
 * waiting: on the isolate's own thread, where a call can wait for the host's answer.
 */
export type Mode = 'direct' | 'waiting';

/** What a context may ask of its process while an evaluation runs. */
export interface ContextHost {
  /** waiting mode: resolves to a CallReply text. */
  call(name: string, args: string): Promise<string>;
  /** direct mode: the policy needs the host. The run ends here, and what it did is thrown away. */
  needsHost(): void;
  print(line: string): void;
  end(outcome: string): void;
  /** Kept contexts: what this run does could outlive it, so it is to be thrown away. True: it ends here. */
  needsFresh(): boolean;
}

/** The bootstrap, compiled once for all contexts of an isolate. */
export const bootstrapOf = (isolate: ivm.Isolate): ivm.Script =>
  isolate.compileScriptSync(bootstrapText(GUEST), { filename: BOOTSTRAP_NAME });

/** Evaluates, with the reference's own realm, a call that waits. The reference itself is never seen by policy code. */
const WAITING_CALL = '(reference) => (name, args) => reference.applySyncPromise(undefined, [name, args])';

/** One context with the bootstrap evaluated; see GUEST for what it can be asked. */
export class GuestContext {
  readonly mode: Mode;
  readonly context: ivm.Context;
  readonly #isolate: ivm.Isolate;
  readonly #dispatcher: ivm.Reference;

  /** `bootstrap`: what bootstrapOf() gave for this isolate. */
  constructor(isolate: ivm.Isolate, bootstrap: ivm.Script, mode: Mode, host: ContextHost) {
    this.mode = mode;
    this.#isolate = isolate;
    this.context = isolate.createContextSync();
    const reference = { result: { reference: true } } as const;
    const prepare = bootstrap.runSync(this.context, { reference: true }) as ivm.Reference;
    const convert = new ivm.Callback(convertBase64);
    const print = new ivm.Callback((line: string) => host.print(line));
    const end = new ivm.Callback((outcome: string) => host.end(outcome));
    const needsFresh = new ivm.Callback(() => host.needsFresh());
    this.#dispatcher = prepare.applySync(
      undefined,
      [this.#callOf(host), convert, print, end, needsFresh],
      reference,
    ) as ivm.Reference;
    prepare.release();
  }

  /** Evaluates a compiled expression; gives a reference to its value, which keeps the context alive until released. */
  valueOf(script: ivm.Script): ivm.Reference {
    return script.runSync(this.context, { reference: true }) as ivm.Reference;
  }

  /** Asks the bootstrap; in waiting mode on the isolate's thread. Rejects when the time is over. */
  async ask(operation: number, args: unknown[], timeoutMs: number): Promise<unknown> {
    return this.#apply(operation, args, { timeout: Math.max(1, Math.ceil(timeoutMs)) });
  }

  /**
   * For what the policy's code has no part in, or hardly one: the isolate's timers are never taken back, each costs a
   * thread's wake-up later. What does not come back is ended by the supervisor.
   */
  async askShortly(operation: number): Promise<unknown> {
    return this.#apply(operation, [], {});
  }

  #apply(operation: number, args: unknown[], options: { timeout?: number }): unknown {
    return this.mode === 'direct'
      ? this.#dispatcher.applySync(undefined, [operation, ...args], options)
      : this.#dispatcher.apply(undefined, [operation, ...args], options);
  }

  release(): void {
    this.#dispatcher.release();
    this.context.release();
  }

  #callOf(host: ContextHost): unknown {
    if (this.mode === 'direct') {
      return new ivm.Callback(() => {
        host.needsHost();
        return 's';
      });
    }
    const wrap = this.#isolate
      .compileScriptSync(WAITING_CALL, { filename: BOOTSTRAP_NAME })
      .runSync(this.context, { reference: true }) as ivm.Reference;
    const call = new ivm.Reference((name: string, args: string) => host.call(name, args));
    const waiting = wrap.applySync(undefined, [call], { result: { reference: true } }) as ivm.Reference;
    wrap.release();
    return waiting.derefInto({ release: true });
  }
}

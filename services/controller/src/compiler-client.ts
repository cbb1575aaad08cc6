import type { Bus } from '@jspolicy/bus';
import {
  type Bundle,
  bundleDigest,
  COMPILE_SUBJECT,
  type CompileReply,
  type CompileRequest,
  EngineError,
} from '@jspolicy/contracts';

export type Compiled =
  | { bundle: Bundle }
  /** `again`: the same request may succeed later. */
  | { message: string; again: boolean; bundle?: undefined };

export interface CompilerClientOptions {
  timeoutMs: number;
  /** Aborts when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** Asks a compiler. That none answers is told as a platform's fault, like every fault that may pass. */
export class CompilerClient {
  readonly #bus: Bus;
  readonly #options: CompilerClientOptions;

  constructor(bus: Bus, options: CompilerClientOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /** Rejects when the signal aborts, and for an answer that is none. */
  async compile(request: CompileRequest): Promise<Compiled> {
    try {
      return await unlessAborted(this.#options.signal, this.#ask(request));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const message = error.code === 'NO_EVALUATOR' ? 'no compiler is running, or none is ready' : error.message;
      return { message: `error bundling javascript: ${message}`, again: true };
    }
  }

  async #ask(request: CompileRequest): Promise<Compiled> {
    const body = new TextEncoder().encode(JSON.stringify(request));
    const { timeoutMs: deadlineMs } = this.#options;
    const { status, body: answer } = await this.#bus.request(COMPILE_SUBJECT, body, { deadlineMs });
    const text = new TextDecoder().decode(answer);
    if (status !== 200) throw new EngineError('NO_ANSWER', `the compiler answered ${status}: ${text.slice(0, 500)}`);
    const reply = JSON.parse(text) as CompileReply;
    if (!reply.ok) return { message: reply.message, again: reply.fault === 'platform' };
    checkDigest(reply.bundle);
    return { bundle: reply.bundle };
  }
}

/** Settles as the work does, or rejects with the signal's reason when that comes first. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function checkDigest(bundle: Bundle): void {
  const real = bundleDigest(bundle);
  if (real !== bundle.digest)
    throw new Error(`the compiler's digest ${bundle.digest} is not that of its bundle, ${real}`);
}

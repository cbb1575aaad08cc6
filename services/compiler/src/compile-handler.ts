import type { Bundler } from '@jspolicy/bundler';
import type { BusReply, BusRequest } from '@jspolicy/bus';
import { type CompileReply, type CompileRequest, EngineError } from '@jspolicy/contracts';
import type { Slots } from './slots.ts';

export interface CompileObserver {
  onCompiled(request: CompileRequest, reply: CompileReply, seconds: number): void;
}

/** Answers compile requests: a CompileRequest as JSON in, a CompileReply as JSON out. */
export class CompileHandler {
  readonly #bundler: Bundler;
  readonly #slots: Slots;
  readonly #observer: CompileObserver;

  constructor(bundler: Bundler, slots: Slots, observer: CompileObserver) {
    this.#bundler = bundler;
    this.#slots = slots;
    this.#observer = observer;
  }

  /** Throws EngineError: MALFORMED_REVIEW for what is no request, DEADLINE_PASSED when no slot was free in time. */
  async handle(request: BusRequest): Promise<BusReply> {
    const asked = readRequest(request.body);
    const reply = await this.#slots.use(request.deadlineMs, () => this.#compile(asked));
    return { status: 200, body: Buffer.from(JSON.stringify(reply)), headers: {} };
  }

  async #compile(request: CompileRequest): Promise<CompileReply> {
    const started = performance.now();
    const reply = await this.#bundler.compile(request);
    this.#observer.onCompiled(request, reply, (performance.now() - started) / 1000);
    return reply;
  }
}

function readRequest(body: Uint8Array): CompileRequest {
  const request = parse(body);
  if (!isCompileRequest(request)) throw new EngineError('MALFORMED_REVIEW', 'this is no compile request');
  return request;
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch (error) {
    throw new EngineError('MALFORMED_REVIEW', 'a compile request is JSON', { cause: error });
  }
}

function isCompileRequest(value: unknown): value is CompileRequest {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const { policy, source, dependencies, script } = value as Record<string, unknown>;
  if (typeof policy !== 'string') return false;
  if (value.kind === 'precompiled') return typeof script === 'string';
  return value.kind === 'source' && typeof source === 'string' && isPlainObject(dependencies);
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

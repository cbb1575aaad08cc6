import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Bounds what the bodies of all requests hold together. A caller that does not end its body holds its part of it, so who
 * began first of those that still send is cut off where there is no room: the API server's bodies take milliseconds.
 */
export class BodyBudget {
  readonly #maxBytes: number;
  readonly #onCut: () => void;
  /** Bytes of each request that has no answer yet. */
  readonly #held = new Map<IncomingMessage, number>();
  /** Those whose bodies are not complete, the oldest first. */
  readonly #sending = new Set<IncomingMessage>();
  #bytes = 0;

  /** `onCut`: a connection was closed in the middle of its body. */
  constructor(maxBytes: number, onCut: () => void) {
    this.#maxBytes = maxBytes;
    this.#onCut = onCut;
  }

  /** False: there is no room, and nobody who could be cut off. */
  get hasRoom(): boolean {
    return this.#bytes < this.#maxBytes || this.#sending.size > 0;
  }

  /** Counts the body, from before it is read until the answer is gone. */
  watch(request: IncomingMessage, answer: ServerResponse): void {
    this.#held.set(request, 0);
    this.#sending.add(request);
    request.on('data', (piece: Buffer) => this.#add(request, piece.length));
    request.once('end', () => this.#sending.delete(request));
    answer.once('close', () => this.release(request));
  }

  #add(request: IncomingMessage, bytes: number): void {
    const held = this.#held.get(request);
    if (held === undefined) return;
    this.#held.set(request, held + bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#sending.size > 0) this.#cutOldest();
  }

  #cutOldest(): void {
    const [oldest] = this.#sending;
    if (!oldest) return;
    this.release(oldest);
    oldest.destroy();
    this.#onCut();
  }

  /** It holds nothing any more: its answer is gone, or what still comes of it is thrown away. */
  release(request: IncomingMessage): void {
    this.#bytes -= this.#held.get(request) ?? 0;
    this.#held.delete(request);
    this.#sending.delete(request);
  }
}

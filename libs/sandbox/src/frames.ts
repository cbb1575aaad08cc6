/**
 * Frames on the pipe between supervisor and sandbox process: 4 bytes header length, 4 bytes body length, big endian,
 * header (JSON), body (bytes as they are).
 */
const PREFIX_BYTES = 8;

/** Beyond this a frame is no frame, unless the reader says otherwise: the other side is broken. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

export interface Frame<Header> {
  header: Header;
  body: Buffer;
}

const NO_BODY = Buffer.alloc(0);

/** One buffer, so that the pipe is written to once. The body may come in pieces. */
export function encodeFrame(header: unknown, body: readonly Uint8Array[] = []): Buffer {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json);
  const bodyBytes = lengthOf(body);
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + bodyBytes);
  frame.writeUInt32BE(headerBytes, 0);
  frame.writeUInt32BE(bodyBytes, 4);
  frame.write(json, PREFIX_BYTES);
  let at = PREFIX_BYTES + headerBytes;
  for (const piece of body) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}

export const lengthOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

/** Puts frames together from bytes that arrive in pieces. Throws on lengths that no frame has. */
export class FrameReader<Header> {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** `maxBytes`: of a whole frame. */
  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** The next whole frame. Its body is valid until the next push when pieces are reused. */
  next(): Frame<Header> | undefined {
    if (this.#buffered < PREFIX_BYTES) return undefined;
    const prefix = this.#join(PREFIX_BYTES);
    const headerBytes = prefix.readUInt32BE(0);
    const bodyBytes = prefix.readUInt32BE(4);
    const total = PREFIX_BYTES + headerBytes + bodyBytes;
    if (total > this.#maxBytes) throw new Error(`a frame of ${total} bytes`);
    if (this.#buffered < total) return undefined;
    const bytes = this.#join(total);
    this.#chunks[0] = bytes.subarray(total);
    this.#buffered -= total;
    const bodyStart = PREFIX_BYTES + headerBytes;
    return {
      header: JSON.parse(bytes.toString('utf8', PREFIX_BYTES, bodyStart)) as Header,
      body: bytes.subarray(bodyStart, total),
    };
  }

  /** The buffered bytes as one piece of at least `length`; copied only when they came in several. */
  #join(length: number): Buffer {
    const first = this.#chunks[0] ?? NO_BODY;
    if (first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

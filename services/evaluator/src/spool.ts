import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf, syncDirectory, writeSafely } from './safe-file.ts';

/** A message for JetStream that waits on the disk. */
export interface Spooled {
  subject: string;
  id: string;
  /** JSON text. */
  body: string;
}

const LINE_END = '\n';
/** A file that has grown to this is followed by another one: so much at most is sent twice after a crash. */
const SEGMENT_BYTES = 256 * 1024;
const NAME = /^(\d{12})\.ndjson$/;

interface Segment {
  number: number;
  bytes: number;
}

interface Waiting {
  line: string;
  written(): void;
  failed(error: unknown): void;
}

/**
 * Messages on the disk, sent later in the order in which they came; they are still there after a crash. Files in a row:
 * the last one grows, the first one is sent. A crash while sending sends some of them again, with the same id. One
 * process owns the directory.
 */
export class Spool {
  readonly #dir: string;
  readonly #maxBytes: number;
  /** Oldest first. */
  readonly #segments: Segment[] = [];
  /** The next one that is made. */
  #next = 0;
  /** On their way into a file: counted at once, so that a newer message does not overtake them. */
  #pendingBytes = 0;
  #waiting: Waiting[] = [];
  /** File operations one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Makes the directory when it is missing and finds what an earlier process left. */
  static async open(dir: string, maxBytes: number): Promise<Spool> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const spool = new Spool(dir, maxBytes);
    for (const name of (await readdir(dir)).sort()) {
      const number = Number(NAME.exec(name)?.[1] ?? Number.NaN);
      if (Number.isNaN(number)) continue;
      spool.#segments.push({ number, bytes: await sizeOf(join(dir, name)) });
      spool.#next = number + 1;
    }
    return spool;
  }

  get empty(): boolean {
    return this.bytes === 0;
  }

  /** What is on the disk, and on its way there. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0) + this.#pendingBytes;
  }

  /**
   * Resolves when the message is safe on the disk: to false when the spool is full. Those that come while the disk is
   * busy are written together.
   */
  async append(message: Spooled): Promise<boolean> {
    // A line end before it as well: a line that a crash or a full disk cut off does not spoil this one.
    const line = LINE_END + JSON.stringify(message) + LINE_END;
    const size = Buffer.byteLength(line);
    if (this.bytes + size > this.#maxBytes) return false;
    this.#pendingBytes += size;
    try {
      await new Promise<void>((written, failed) => {
        this.#waiting.push({ line, written, failed });
        void this.#inTurn(() => this.#writeWaiting());
      });
    } finally {
      this.#pendingBytes -= size;
    }
    return true;
  }

  /** Sends all that is there, oldest first. Rejects with the error of the first that cannot be sent; it stays, with all behind. */
  async drain(send: (message: Spooled) => Promise<void>): Promise<void> {
    for (;;) {
      const segment = await this.#inTurn(() => this.#seal());
      if (!segment) return;
      await this.#sendSegment(segment, send);
    }
  }

  async #writeWaiting(): Promise<void> {
    const batch = this.#waiting.splice(0);
    if (batch.length === 0) return;
    const segment = this.#growing();
    const failure = await this.#write(segment, batch).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // Before anybody is told: what is in the file is counted there, and no longer as on its way.
    segment.bytes = await sizeOf(this.#fileOf(segment));
    for (const { written, failed } of batch) failure ? failed(failure.error) : written();
  }

  async #write(segment: Segment, batch: Waiting[]): Promise<void> {
    await writeSafely(this.#fileOf(segment), batch.map(({ line }) => line).join(''), 'a');
    if (segment.bytes === 0) await syncDirectory(this.#dir);
  }

  #growing(): Segment {
    const last = this.#segments.at(-1);
    if (last && last.bytes < SEGMENT_BYTES && last.number === this.#next - 1) return last;
    const made = { number: this.#next++, bytes: 0 };
    this.#segments.push(made);
    return made;
  }

  /** The oldest segment, which grows no more. */
  async #seal(): Promise<Segment | undefined> {
    const [oldest] = this.#segments;
    if (oldest && this.#segments.length === 1) this.#next++;
    return oldest;
  }

  async #sendSegment(segment: Segment, send: (message: Spooled) => Promise<void>): Promise<void> {
    const text = await readFile(this.#fileOf(segment), 'utf8').catch(emptyWhenMissing);
    const lines = text.split(LINE_END).filter(Boolean);
    let sent = 0;
    try {
      for (; sent < lines.length; sent++) {
        const message = parsed(lines[sent] ?? '');
        if (message) await send(message);
      }
    } finally {
      await this.#inTurn(() => this.#keep(segment, lines.slice(sent)));
    }
  }

  async #keep(segment: Segment, lines: string[]): Promise<void> {
    const file = this.#fileOf(segment);
    if (lines.length === 0) {
      await rm(file, { force: true });
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      return;
    }
    await writeSafely(`${file}.new`, lines.map((line) => line + LINE_END).join(''), 'w');
    await rename(`${file}.new`, file);
    segment.bytes = await sizeOf(file);
  }

  #fileOf({ number }: Segment): string {
    return join(this.#dir, `${String(number).padStart(12, '0')}.ndjson`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** A disk that took nothing left a segment without a file. */
function emptyWhenMissing(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}

/** undefined for a line that a crash cut off. */
function parsed(line: string): Spooled | undefined {
  try {
    return JSON.parse(line) as Spooled;
  } catch {
    return undefined;
  }
}

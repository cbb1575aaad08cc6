import { mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PublicationRefused } from '@jspolicy/bus';
import { sizeOf, syncDirectory, writeSafely } from './safe-file.ts';
import { Aside, type BadLine, type TellAside } from './spool-aside.ts';
import { readSpooled, type Spooled } from './spooled.ts';

export type { Spooled } from './spooled.ts';

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
 * the last one grows, the first one is sent. A crash while sending sends some of them again, with the same id. What is no
 * violation, or is refused for good, is put aside into `<dir>.bad`. One process owns the directory.
 */
export class Spool {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #aside: Aside;
  /** Oldest first. */
  readonly #segments: Segment[] = [];
  /** The next one that is made. */
  #next = 0;
  /** On their way into a file: counted at once, so that a newer message does not overtake them. */
  #pendingBytes = 0;
  #waiting: Waiting[] = [];
  /** File operations one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, maxBytes: number, onAside: TellAside) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
    this.#aside = new Aside({ file: `${dir}.bad`, maxBytes, tell: onAside });
  }

  /**
   * Makes the directory when it is missing and finds what an earlier process left. maxBytes is for what waits, and as much
   * again for what is put aside.
   */
  static async open(dir: string, maxBytes: number, onAside: TellAside = () => undefined): Promise<Spool> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const spool = new Spool(dir, maxBytes, onAside);
    for (const name of await segmentNames(dir)) {
      const number = Number(NAME.exec(name)?.[1]);
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

  /** Removes the directory of a spool that is drained; what others put into it stays, and the promise rejects. */
  async remove(): Promise<void> {
    const own = (await readdir(this.#dir)).filter((name) => NAME.test(name.replace(/\.new$/, '')));
    // An empty segment, or what a crash left of one that was written anew.
    for (const name of own) await rm(join(this.#dir, name), { force: true });
    await rmdir(this.#dir);
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
    const text = await this.#textOf(this.#fileOf(segment));
    const lines = text.split(LINE_END).filter(Boolean);
    const bad: BadLine[] = [];
    let done = 0;
    try {
      for (; done < lines.length; done++) {
        const line = lines[done] ?? '';
        const reason = await sendLine(line, send);
        if (reason !== undefined) bad.push({ line, reason });
      }
    } finally {
      await this.#settle(segment, bad, lines.slice(done));
    }
  }

  /** What was sent is never kept, also when the disk does not take what is put aside. */
  async #settle(segment: Segment, bad: BadLine[], rest: string[]): Promise<void> {
    const keep = (lines: string[]) => this.#inTurn(() => this.#keep(segment, lines));
    try {
      await this.#aside.put(this.#fileOf(segment), bad);
    } catch (error) {
      await keep([...bad.map(({ line }) => line), ...rest]);
      throw error;
    }
    await keep(rest);
  }

  /** Empty when there is nothing to send in it: a file that cannot be read is put aside as it is. */
  async #textOf(file: string): Promise<string> {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // Files are open elsewhere: it can be read later.
      if (code === 'EMFILE' || code === 'ENFILE') throw error;
      // A disk that took nothing left a segment without a file.
      if (code !== 'ENOENT') await this.#aside.move(file, error);
      return '';
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

/** What is named like a segment and is none (a directory, a link, a pipe) is not looked at. */
export async function segmentNames(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && NAME.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** Why the line can never be sent; undefined: it is. Rejects when it has to wait. */
async function sendLine(line: string, send: (message: Spooled) => Promise<void>): Promise<string | undefined> {
  const read = readSpooled(line);
  if ('problem' in read) return read.problem;
  try {
    await send(read.message);
    return undefined;
  } catch (error) {
    if (error instanceof PublicationRefused) return error.message;
    throw error;
  }
}

import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf, writeSafely } from './safe-file.ts';

/** A message for JetStream that waits on the disk. */
export interface Spooled {
  subject: string;
  id: string;
  /** JSON text. */
  body: string;
}

const LINE_END = '\n';

/**
 * Messages on the disk, sent later in the order in which they came; they are still there after a crash. Two files: one
 * grows while the other is sent. A crash while sending sends some of them again, with the same id. One process owns the
 * directory.
 */
export class Spool {
  readonly #growing: string;
  readonly #sending: string;
  readonly #maxBytes: number;
  /** In the files. */
  #bytes = 0;
  /** On their way into a file: counted at once, so that a newer message does not overtake them. */
  #pendingBytes = 0;
  /** File operations one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, maxBytes: number) {
    this.#growing = join(dir, 'growing.ndjson');
    this.#sending = join(dir, 'sending.ndjson');
    this.#maxBytes = maxBytes;
  }

  /** Makes the directory when it is missing and finds what an earlier process left. */
  static async open(dir: string, maxBytes: number): Promise<Spool> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const spool = new Spool(dir, maxBytes);
    await spool.#measure();
    return spool;
  }

  get empty(): boolean {
    return this.#bytes + this.#pendingBytes === 0;
  }

  /** Resolves when the message is safe on the disk: to false when the spool is full. */
  async append(message: Spooled): Promise<boolean> {
    // A line end before it as well: a line that a crash or a full disk cut off does not spoil this one.
    const line = LINE_END + JSON.stringify(message) + LINE_END;
    const size = Buffer.byteLength(line);
    if (this.#bytes + this.#pendingBytes + size > this.#maxBytes) return false;
    this.#pendingBytes += size;
    try {
      await this.#inTurn(() => writeSafely(this.#growing, line, 'a').finally(() => this.#measure()));
    } finally {
      this.#pendingBytes -= size;
    }
    return true;
  }

  /** Sends all that is there, oldest first. Rejects with the error of the first that cannot be sent; it stays, with all behind. */
  async drain(send: (message: Spooled) => Promise<void>): Promise<void> {
    while (await this.#inTurn(() => this.#changeOver())) await this.#sendFile(send);
  }

  /** False when nothing is there to send. */
  async #changeOver(): Promise<boolean> {
    await this.#measure();
    if (this.#bytes > 0 && (await sizeOf(this.#sending)) === 0) await rename(this.#growing, this.#sending);
    return this.#bytes > 0;
  }

  async #measure(): Promise<void> {
    this.#bytes = (await sizeOf(this.#growing)) + (await sizeOf(this.#sending));
  }

  async #sendFile(send: (message: Spooled) => Promise<void>): Promise<void> {
    const text = await readFile(this.#sending, 'utf8');
    const lines = text.split(LINE_END).filter(Boolean);
    let sent = 0;
    try {
      for (; sent < lines.length; sent++) {
        const message = parsed(lines[sent] ?? '');
        if (message) await send(message);
      }
    } finally {
      await this.#inTurn(() => this.#keep(lines.slice(sent)));
    }
  }

  async #keep(lines: string[]): Promise<void> {
    const rest = lines.map((line) => line + LINE_END).join('');
    if (rest === '') await rm(this.#sending, { force: true });
    else {
      await writeSafely(`${this.#sending}.new`, rest, 'w');
      await rename(`${this.#sending}.new`, this.#sending);
    }
    await this.#measure();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** undefined for a line that a crash cut off. */
function parsed(line: string): Spooled | undefined {
  try {
    return JSON.parse(line) as Spooled;
  } catch {
    return undefined;
  }
}

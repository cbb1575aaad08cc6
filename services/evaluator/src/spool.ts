import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

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
  #bytes = 0;
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
    spool.#bytes = (await sizeOf(spool.#growing)) + (await sizeOf(spool.#sending));
    return spool;
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** Resolves when the message is safe on the disk: to false when the spool is full. */
  async append(message: Spooled): Promise<boolean> {
    const line = JSON.stringify(message) + LINE_END;
    const size = Buffer.byteLength(line);
    if (this.#bytes + size > this.#maxBytes) return false;
    // Counted before it is written: until then a newer message must not overtake it.
    this.#bytes += size;
    await this.#inTurn(() => writeSafely(this.#growing, line, 'a')).catch((error: unknown) => {
      this.#bytes -= size;
      throw error;
    });
    return true;
  }

  /** Sends all that is there, oldest first. Rejects with the error of the first that cannot be sent; it stays, with all behind. */
  async drain(send: (message: Spooled) => Promise<void>): Promise<void> {
    while (!this.empty) {
      await this.#inTurn(() => this.#changeOver());
      await this.#sendFile(send);
    }
  }

  async #changeOver(): Promise<void> {
    if ((await sizeOf(this.#sending)) > 0) return;
    if ((await sizeOf(this.#growing)) > 0) await rename(this.#growing, this.#sending);
  }

  async #sendFile(send: (message: Spooled) => Promise<void>): Promise<void> {
    const text = await readFile(this.#sending, 'utf8').catch(() => '');
    const lines = text.split(LINE_END).filter(Boolean);
    let sent = 0;
    try {
      for (; sent < lines.length; sent++) {
        const message = parsed(lines[sent] ?? '');
        if (message) await send(message);
      }
    } finally {
      await this.#keep(text, lines.slice(sent));
    }
  }

  async #keep(before: string, lines: string[]): Promise<void> {
    const rest = lines.map((line) => line + LINE_END).join('');
    if (rest === '') await rm(this.#sending, { force: true });
    else if (rest !== before) {
      await writeSafely(`${this.#sending}.new`, rest, 'w');
      await rename(`${this.#sending}.new`, this.#sending);
    }
    this.#bytes = Math.max(0, this.#bytes - (Buffer.byteLength(before) - Buffer.byteLength(rest)));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

async function writeSafely(file: string, text: string, flags: 'a' | 'w'): Promise<void> {
  const handle = await open(file, flags, 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
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

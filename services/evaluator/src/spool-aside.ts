import { rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { sizeOf, writeSafely } from './safe-file.ts';

/** A line that can never be sent. */
export interface BadLine {
  line: string;
  reason: string;
}

export interface PutAside {
  /** Where they are now; undefined: there was no room, they are lost. */
  file: string | undefined;
  /** The file of the spool that they were in. */
  from: string;
  lines: number;
  /** Of the first one. */
  reason: string;
}

export type TellAside = (told: PutAside) => void;

/** What can never be sent goes into a file beside its spool, for a person to look at: the others go on without it. */
export class Aside {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #tell: TellAside;

  constructor({ file, maxBytes, tell }: { file: string; maxBytes: number; tell: TellAside }) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#tell = tell;
  }

  /** Resolves when the lines are safe, or told as lost. */
  async put(from: string, bad: BadLine[]): Promise<void> {
    const [first] = bad;
    if (!first) return;
    const text = bad.map(({ line }) => `${line}\n`).join('');
    const hasRoom = (await sizeOf(this.#file)) + Buffer.byteLength(text) <= this.#maxBytes;
    if (hasRoom) await writeSafely(this.#file, text, 'a');
    this.#tell({ file: hasRoom ? this.#file : undefined, from, lines: bad.length, reason: first.reason });
  }

  /** A file of which no line can be read. */
  async move(from: string, error: unknown): Promise<void> {
    const file = this.#file.replace(/\.bad$/, `.${basename(from)}.bad`);
    await rename(from, file);
    const reason = error instanceof Error ? error.message : String(error);
    this.#tell({ file, from, lines: 1, reason });
  }
}

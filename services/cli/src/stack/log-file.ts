import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

/** One older file is kept beside it. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Appends lines to a file; at 16 MiB it becomes `<file>.1` and a new one begins. What cannot be written is lost. */
export class LogFile {
  readonly #path: string;
  #stream: WriteStream;
  #bytes: number;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#stream = open(path);
  }

  write(line: string): void {
    if (this.#bytes > MAX_BYTES) this.#rotate();
    this.#bytes += Buffer.byteLength(line) + 1;
    this.#stream.write(`${line}\n`);
  }

  close(): void {
    this.#stream.end();
  }

  #rotate(): void {
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // Somebody removed it: a new one is made all the same.
    }
    this.#stream.end();
    this.#stream = open(this.#path);
    this.#bytes = 0;
  }
}

function open(path: string): WriteStream {
  const stream = createWriteStream(path, { flags: 'a' });
  // A disk that is full is no reason to end the service that logs.
  stream.on('error', () => undefined);
  return stream;
}

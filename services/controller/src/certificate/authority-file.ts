import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { certificatesOf } from '@jspolicy/certificates';
import type { Logger } from '@jspolicy/runtime';
import { CertificateError, type TrustedAuthorities } from './trusted-authorities.ts';

/** Files of a Secret change by a link to another directory, which few file systems tell of. */
const LOOK_MS = 5_000;

export interface AuthorityFileParts {
  file: string;
  log: Logger;
  /** The file says something else now. */
  onChange(): void;
}

/** Authorities that somebody else keeps in a file. It must hold the old one too for as long as a gateway serves by it. */
export class AuthorityFile implements TrustedAuthorities {
  readonly keepsAddress = false;
  readonly synced = Promise.resolve();
  readonly #parts: AuthorityFileParts;
  #text: string;
  #timer: NodeJS.Timeout | undefined;

  /** Throws when the file cannot be read: a controller that does not know what to trust cannot lead. */
  constructor(parts: AuthorityFileParts) {
    this.#parts = parts;
    this.#text = readFileSync(parts.file, 'utf8');
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  caBundle(): string {
    // Empty is what the API server takes for its own roots.
    if (!holdsAny(this.#text)) throw new CertificateError(`${this.#parts.file} holds no certificate of an authority`);
    return Buffer.from(this.#text).toString('base64');
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { file, log, onChange } = this.#parts;
    try {
      const text = await readFile(file, 'utf8');
      // A file that is being written may be empty for a moment.
      if (text === this.#text || !holdsAny(text)) return;
      this.#text = text;
      log.info({ file }, 'authorities read anew');
      onChange();
    } catch (err) {
      log.warn({ err, file }, 'authorities not read, those read last stay');
    }
  }
}

const holdsAny = (text: string): boolean => certificatesOf(text).length > 0;

import { readFile } from 'node:fs/promises';
import type { CertificateSource } from './serving-certificate.ts';

/** The files of a mounted Secret change by a link to another directory, which few file systems tell of. */
const LOOK_MS = 2_000;

/** A certificate and its key that somebody keeps in two files; they may come later, and change at any time. */
export function certificateFiles(certFile: string, keyFile: string): CertificateSource {
  return ({ onCertificate, onProblem }) => {
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    const look = async () => {
      try {
        const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
        if (!stopped) onCertificate({ cert, key });
      } catch (error) {
        if (!stopped) onProblem(error instanceof Error ? error.message : String(error));
      }
      if (!stopped) timer = setTimeout(look, LOOK_MS);
    };
    void look();
    return {
      stop() {
        stopped = true;
        clearTimeout(timer);
      },
    };
  };
}

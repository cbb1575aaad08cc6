import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir {
  readonly path: string;
  remove(): Promise<void>;
}

/** A fresh folder. Whoever asks for it removes it. */
export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'jspolicy-test-'));
  // A server that was just killed may still write its last file: then the folder is not empty for a moment.
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }) };
}

/** Gives the work a fresh folder that is gone afterwards. */
export async function withTempDir<T>(work: (path: string) => Promise<T>): Promise<T> {
  const dir = await tempDir();
  try {
    return await work(dir.path);
  } finally {
    await dir.remove();
  }
}

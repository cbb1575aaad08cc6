import { open, stat } from 'node:fs/promises';

/** Bytes of the file; 0 when there is none. */
export const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

/** Resolves when the text is on the disk and not in a cache alone. */
export async function writeSafely(file: string, text: string, flags: 'a' | 'w'): Promise<void> {
  const handle = await open(file, flags, 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Resolves when files that were made in the directory are in it after a crash, too. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface SizeLimits {
  maxBytes: number;
  maxFiles: number;
}

/** True when the files below a directory are more, or larger together, than the limits. Stops counting there. */
export async function exceeds(directory: string, limits: SizeLimits): Promise<boolean> {
  let [bytes, files] = [0, 0];
  const waiting = [directory];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    // npm moves and removes directories while it works: what is gone does not count.
    const entries = await opendir(path).catch(() => undefined);
    if (!entries) continue;
    for await (const entry of entries) {
      const at = join(path, entry.name);
      if (entry.isDirectory()) waiting.push(at);
      else bytes += (await stat(at).catch(() => undefined))?.size ?? 0;
      files++;
      if (bytes > limits.maxBytes || files > limits.maxFiles) return true;
    }
  }
  return false;
}

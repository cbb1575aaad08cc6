import { glob } from 'node:fs/promises';

/** Names below a folder that match one of the patterns, sorted by code units. */
export async function matching(patterns: readonly string[], cwd: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of glob([...patterns], { cwd })) names.push(name);
  return names.sort();
}

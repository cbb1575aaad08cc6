import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findServer } from '@jspolicy/servers';
import { output, shell } from './command.ts';
import type { Settings } from './settings.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Builds images unless there are some, brings them into the cluster, and gives their tag. */
export async function provideImages(settings: Settings, note: (line: string) => void): Promise<string> {
  const tag = settings.tag ?? `test-${Date.now().toString(36)}`;
  const directory = settings.images ?? join(ROOT, 'images');
  if (!settings.images) {
    note('images are built ...');
    const nats = await findServer('nats-server', { onProgress: note });
    const args = ['--out', directory, '--tag', tag, '--nats', nats];
    await output(process.execPath, [join(ROOT, 'docker/dist/main.js'), ...args]);
  }
  if (!settings.loadImage) return tag;
  const archives = (await readdir(directory)).filter((name) => name.endsWith('.tar')).sort();
  for (const name of archives) {
    note(`${name} is loaded ...`);
    await shell(settings.loadImage, join(directory, name));
  }
  return tag;
}

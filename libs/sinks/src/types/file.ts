import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { ViolationEvent } from '@jspolicy/contracts';
import { integer, required, text, withDefault } from '../fields.ts';
import { type Sink, sinkType } from '../port.ts';
import { placeOf } from './file-place.ts';

const MIB = 1024 * 1024;
/** How much of the end is read at once to find the last whole line. */
const TAIL_BYTES = 64 * 1024;
/** How each file begins: one that does not is somebody else's. */
const BEGINNING = '{"specversion":';
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

/** Lines of JSON in a file: `path`, which becomes `path.1` when it is full, and so on. Each write is on the disk. */
export const file = sinkType({
  fields: {
    path: required(text()),
    maxMiB: withDefault(integer(1, 102_400), 100),
    maxFiles: withDefault(integer(1, 1_000), 5),
  },
  problems: ({ path }) => [
    ...(path?.split('/').includes('..') ? ['path must not hold ..'] : []),
    ...(path?.endsWith('/') ? ['path must be that of a file'] : []),
  ],
  async open({ path, maxMiB, maxFiles }, { fileDirectory }): Promise<Sink> {
    const place = await placeOf(path, fileDirectory);
    let current = await openWhole(place);
    return {
      async write(events) {
        const { size } = await current.stat();
        const lines = Buffer.from(events.map(({ event }) => lineOf(event)).join(''));
        if (size > 0 && size + lines.length > maxMiB * MIB) {
          await rotate(place, maxFiles);
          await current.close();
          current = await openWhole(place);
        }
        await current.appendFile(lines);
        await current.datasync();
        return [];
      },
      close: () => current.close(),
    };
  },
});

const lineOf = ({ specversion, ...rest }: ViolationEvent): string => `${JSON.stringify({ specversion, ...rest })}\n`;

/** A line that a crash cut is removed: its event comes again. */
async function openWhole(path: string): Promise<FileHandle> {
  const handle = await openOwn(path, O_RDWR | O_APPEND | O_CREAT);
  const { size } = await handle.stat();
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - TAIL_BYTES);
    const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const last = buffer.lastIndexOf('\n');
    end = last === -1 ? start : start + last + 1;
    if (last !== -1) break;
  }
  if (end < size) await handle.truncate(end);
  return handle;
}

/** Rejects for what a sink did not write: a link, a device, another file. */
async function openOwn(path: string, flags: number): Promise<FileHandle> {
  const handle = await open(path, flags | O_NOFOLLOW, 0o640);
  try {
    if (!(await isOwn(handle))) throw new Error(`${path} is no file of violations: it is left as it is`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function isOwn(handle: FileHandle): Promise<boolean> {
  const stat = await handle.stat();
  // A pipe or a device has no beginning to look at.
  if (!stat.isFile() || stat.nlink !== 1) return false;
  const wanted = BEGINNING.slice(0, Math.min(stat.size, BEGINNING.length));
  const { buffer } = await handle.read(Buffer.alloc(BEGINNING.length), 0, BEGINNING.length, 0);
  return buffer.toString('latin1', 0, wanted.length) === wanted;
}

async function rotate(path: string, maxFiles: number): Promise<void> {
  const names = Array.from({ length: maxFiles }, (_, i) => (i === 0 ? path : `${path}.${i}`));
  // All of them first: nothing is moved where one of them is somebody else's.
  for (const name of names) await openOwn(name, O_RDWR).then((handle) => handle.close(), unlessMissing);
  await rm(names.at(-1) ?? path, { force: true });
  for (let number = maxFiles - 2; number >= 0; number--)
    await rename(names[number] ?? path, names[number + 1] ?? path).catch(unlessMissing);
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

import { access, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { integer, required, text, withDefault } from '../fields.ts';
import { type Sink, sinkType } from '../port.ts';

const MIB = 1024 * 1024;
/** How much of the end is read at once to find the last whole line. */
const TAIL_BYTES = 64 * 1024;

/** Lines of JSON in a file: `path`, which becomes `path.1` when it is full, and so on. Each write is on the disk. */
export const file = sinkType({
  fields: {
    path: required(text()),
    maxMiB: withDefault(integer(1, 102_400), 100),
    maxFiles: withDefault(integer(1, 1_000), 5),
  },
  problems: ({ path }) => (path !== undefined && !isAbsolute(path) ? ['path must be absolute'] : []),
  async open({ path, maxMiB, maxFiles }, { beside }): Promise<Sink> {
    await makeDirectory(dirname(path));
    let current = beside ? await open(path, 'a+', 0o640) : await openWhole(path);
    return {
      async write(events) {
        const { size } = await current.stat();
        const lead = beside && !(await endsWithLine(current, size)) ? '\n' : '';
        const lines = Buffer.from(lead + events.map(({ json }) => `${json}\n`).join(''));
        if (!beside && size > 0 && size + lines.length > maxMiB * MIB) {
          await current.close();
          await rotate(path, maxFiles);
          current = await openWhole(path);
        }
        await current.appendFile(lines);
        await current.datasync();
        return [];
      },
      close: () => current.close(),
    };
  },
});

/** One by one: asked for all of them at once, Node never ends where the system has none to give, as below /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path || (await exists(dirname(path)))) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function endsWithLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() === '\n';
}

/** A line that a crash cut is removed: its event comes again. */
async function openWhole(path: string): Promise<FileHandle> {
  const handle = await open(path, 'a+', 0o640);
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

async function rotate(path: string, maxFiles: number): Promise<void> {
  await rm(maxFiles === 1 ? path : `${path}.${maxFiles - 1}`, { force: true });
  for (let number = maxFiles - 2; number >= 0; number--) {
    const from = number === 0 ? path : `${path}.${number}`;
    await rename(from, `${path}.${number + 1}`).catch(unlessMissing);
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

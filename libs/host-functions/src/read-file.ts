import { constants, type FileHandle, open, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { HostCallError } from '@jspolicy/sandbox';
import { notGranted } from './not-granted.ts';

const MAX_MIB = 10;
const MAX_BYTES = MAX_MIB * 1024 * 1024;

/**
 * readFileSync(path): the text of a file in the granted directory, undefined where there is no file that can be read.
 * A relative path starts in the directory. `directory` '' grants nothing. Symbolic links may not lead out of it.
 */
export async function readFile(args: unknown[], directory: string): Promise<string | undefined> {
  const [path] = args;
  if (args.length !== 1 || typeof path !== 'string') return undefined;
  const refusal = () => notGranted(`readFileSync(${JSON.stringify(path)})`, 'FILES_DIR');
  if (directory === '') throw refusal();
  const wanted = resolve(directory, path);
  if (!isInside(resolve(directory), wanted)) throw refusal();
  try {
    const [root, real] = await Promise.all([realpath(directory), realpath(wanted)]);
    if (!isInside(root, real)) throw refusal();
    return await textOf(real);
  } catch (error) {
    // What the system says of a file is nothing that a policy is told; our own refusals are.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

async function textOf(path: string): Promise<string | undefined> {
  // A pipe without a writer would hold the open; a link that took the file's place meanwhile is not followed.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    return (await handle.stat()).isFile() ? await read(handle, path) : undefined;
  } finally {
    await handle.close();
  }
}

/** By what comes, and not by the size: some files do not know theirs. */
async function read(handle: FileHandle, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false })) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new HostCallError('TooLarge', `${path} is larger than ${MAX_MIB} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** One layer of an image, in a file: gzip of a tar archive. */
export interface Layer {
  path: string;
  /** Of the file, as manifests name it. */
  digest: string;
  /** Of the archive within, as configurations name it. */
  diffId: string;
  bytes: number;
  unpackedBytes: number;
}

type Pack = ReturnType<typeof pack>;

/**
 * A directory as a layer, owned by root. The same content gives the same bytes: entries are sorted, have one time, and
 * of their modes only whether they may be executed, or are the sticky directory of everybody.
 */
export async function writeLayer(directory: string, path: string, modified: Date): Promise<Layer> {
  const archive = pack();
  const filled = addDirectory(archive, directory, '', modified).then(() => archive.finalize());
  const [layer] = await Promise.all([compressLayer(Readable.from(archive), path), filled]);
  return layer;
}

/** An uncompressed tar archive as a layer, as it is. */
export async function compressLayer(archive: Readable, path: string): Promise<Layer> {
  const unpacked = new Counter();
  const packed = new Counter();
  await pipeline(archive, unpacked, createGzip({ level: 6 }), packed, createWriteStream(path));
  return {
    path,
    digest: packed.digest(),
    diffId: unpacked.digest(),
    bytes: packed.bytes,
    unpackedBytes: unpacked.bytes,
  };
}

/** Passes everything on, and knows how much it was and its digest. */
class Counter extends Transform {
  bytes = 0;
  readonly #hash = createHash('sha256');

  override _transform(chunk: Buffer, _: string, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

async function addDirectory(archive: Pack, root: string, below: string, mtime: Date): Promise<void> {
  // By code units, as the same on every machine.
  for (const name of (await readdir(join(root, below))).sort()) await addEntry(archive, root, join(below, name), mtime);
}

async function addEntry(archive: Pack, root: string, name: string, mtime: Date): Promise<void> {
  const path = join(root, name);
  const stats = await lstat(path);
  const header = { name, mtime, uid: 0, gid: 0, uname: 'root', gname: 'root' };
  if (stats.isSymbolicLink()) {
    archive.entry({ ...header, type: 'symlink', mode: 0o777, linkname: await readlink(path) });
  } else if (stats.isDirectory()) {
    archive.entry({ ...header, name: `${name}/`, type: 'directory', mode: stats.mode & 0o1000 ? 0o1777 : 0o755 });
    await addDirectory(archive, root, name, mtime);
  } else if (stats.isFile()) {
    const mode = stats.mode & 0o100 ? 0o755 : 0o644;
    await pipeline(createReadStream(path), archive.entry({ ...header, type: 'file', mode, size: stats.size }));
  }
}

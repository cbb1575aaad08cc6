import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KubeObject } from '@jspolicy/contracts';
import { withLock } from '@jspolicy/runtime';
import { splitApiVersion } from '../object-names.ts';
import { FileTree } from './file-tree.ts';

/** What is known of a manifest's object besides the manifest. */
export interface Overlay {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  /** Of the whole manifest object: it changes the resourceVersion. */
  contentHash: string;
  /** Of its spec: it changes the generation. */
  specHash: string;
  generation: number;
  resourceVersion: string;
  creationTimestamp: string;
  /** The manifest's object as it was last good, and its file, relative to the manifests' directory. */
  manifest: KubeObject;
  file: string;
  status?: unknown;
}

export type StateFile = { kind: 'object'; object: KubeObject } | { kind: 'overlay'; overlay: Overlay };

interface Identity {
  apiVersion: string;
  kind: string;
  namespace?: string | undefined;
  name: string;
}

const SUFFIX = { object: '.object.json', overlay: '.overlay.json' } as const;

/** Bytes; file systems allow no more. Objects of Kubernetes have names of 253, and ours a suffix. */
const MAX_FILE_NAME = 255;

/** What the services wrote, a JSON file for each object, shared by several processes. */
export class StateFiles {
  readonly #root: string;
  readonly #tree: FileTree<StateFile | undefined>;
  #mine: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
    const accepts = (name: string) => name.endsWith(SUFFIX.object) || name.endsWith(SUFFIX.overlay);
    this.#tree = new FileTree({ root: this.#objectsRoot, accepts, parse: parseState });
  }

  get #objectsRoot(): string {
    return join(this.#root, 'objects');
  }

  get directories(): Set<string> {
    return this.#tree.directories;
  }

  get files(): StateFile[] {
    return this.#tree.files.flatMap(([, file]) => (file ? [file] : []));
  }

  async scan(): Promise<boolean> {
    await mkdir(this.#objectsRoot, { recursive: true });
    return this.#tree.scan();
  }

  /** Only inside this may files be written. One at a time, in this process and among all. */
  locked<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#mine.then(async () => {
      await mkdir(this.#root, { recursive: true });
      return withLock(join(this.#root, 'lock'), work);
    });
    this.#mine = run.catch(() => undefined);
    return run;
  }

  /** A number that rises with each write, as text. Under the lock. */
  async nextVersion(): Promise<string> {
    const path = join(this.#root, 'resource-version');
    const last = Number(await readFile(path, 'utf8').catch(() => '0')) || 0;
    await writeAtomically(path, String(last + 1));
    return String(last + 1);
  }

  async write(file: StateFile): Promise<void> {
    const content = file.kind === 'object' ? file.object : file.overlay;
    await writeAtomically(this.#path(file.kind, identityOf(file)), `${JSON.stringify(content, null, 2)}\n`);
  }

  async remove(file: StateFile): Promise<void> {
    await unlink(this.#path(file.kind, identityOf(file))).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  #path(kind: StateFile['kind'], { apiVersion, kind: objectKind, namespace, name }: Identity): string {
    const group = splitApiVersion(apiVersion).group || 'core';
    const parts = [group, objectKind, namespace ?? '_'].map(encodeURIComponent);
    return join(this.#objectsRoot, ...parts, fileName(encodeURIComponent(name), SUFFIX[kind]));
  }
}

/** Names are read from what stands in the files. One that is too long is told from others by its hash. */
function fileName(name: string, suffix: string): string {
  if (name.length + suffix.length <= MAX_FILE_NAME) return name + suffix;
  const hash = createHash('sha256').update(name).digest('hex');
  return `${name.slice(0, MAX_FILE_NAME - suffix.length - hash.length - 1)}~${hash}${suffix}`;
}

function identityOf(file: StateFile): Identity {
  if (file.kind === 'overlay') return file.overlay;
  const { apiVersion, kind, metadata } = file.object;
  return { apiVersion, kind, namespace: metadata.namespace, name: metadata.name };
}

/** A file that is no JSON was not written by us: it is left alone. */
function parseState(text: string, path: string): StateFile | undefined {
  try {
    const content: unknown = JSON.parse(text);
    if (path.endsWith(SUFFIX.object)) return { kind: 'object', object: content as KubeObject };
    return { kind: 'overlay', overlay: content as Overlay };
  } catch {
    return undefined;
  }
}

/** A reader sees the old file or the new one, never a part. */
async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${process.pid}.tmp`);
  await writeFile(temporary, text);
  await rename(temporary, path);
}

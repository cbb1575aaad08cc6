import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface Entry<T> {
  signature: string;
  /** The file was so young when it was read that a change after that may have left no trace in its times. */
  young: boolean;
  changedMs: number;
  text: string;
  value: T;
}

/** Longer than the clock tick of any file system in use (4 ms on Linux). */
const YOUNG_MS = 100;

interface TreeOptions<T> {
  root: string;
  accepts(name: string): boolean;
  parse(text: string, path: string): T;
  /** A directory that is not entered. */
  except?: string;
}

/** The parsed files below a directory; scan() reads again what changed. Names that begin with a dot are left out. */
export class FileTree<T> {
  readonly #options: TreeOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  /** Every directory that was seen, to be watched. */
  directories = new Set<string>();

  constructor(options: TreeOptions<T>) {
    this.#options = options;
  }

  /** Values by path, in order of the paths. */
  get files(): [path: string, value: T][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, { value }]) => [path, value]);
  }

  get(path: string): T | undefined {
    return this.#entries.get(path)?.value;
  }

  /** How long ago the file was last written, by the clock of this machine; a time in the future counts as well. */
  ageMs(path: string): number {
    return Math.abs(Date.now() - (this.#entries.get(path)?.changedMs ?? 0));
  }

  /** True when a file came, changed or went. Throws when the root itself cannot be read. */
  async scan(): Promise<boolean> {
    const present = new Set<string>();
    this.directories = new Set();
    let changed = await this.#scanDirectory(this.#options.root, present);
    for (const path of this.#entries.keys()) {
      if (!present.has(path)) changed = this.#entries.delete(path);
    }
    return changed;
  }

  async #scanDirectory(directory: string, present: Set<string>): Promise<boolean> {
    const names = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && directory !== this.#options.root) return [];
      throw error;
    });
    this.directories.add(directory);
    let changed = false;
    for (const entry of names) {
      const path = join(directory, entry.name);
      if (entry.name.startsWith('.') || path === this.#options.except) continue;
      if (entry.isDirectory()) changed = (await this.#scanDirectory(path, present)) || changed;
      else if (this.#options.accepts(entry.name)) changed = (await this.#scanFile(path, present)) || changed;
    }
    return changed;
  }

  async #scanFile(path: string, present: Set<string>): Promise<boolean> {
    const stats = await stat(path).catch(() => undefined);
    if (!stats?.isFile()) return false;
    present.add(path);
    const known = this.#entries.get(path);
    const signature = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    if (known?.signature === signature && !known.young) return false;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return false;
    const same = known?.text === text;
    this.#entries.set(path, {
      signature,
      young: isYoung(stats),
      changedMs: changedMs(stats),
      text,
      value: same ? known.value : this.#parse(text, path),
    });
    return !same;
  }

  #parse(text: string, path: string): T {
    return this.#options.parse(text, path);
  }
}

const changedMs = ({ mtimeMs, ctimeMs }: Stats): number => Math.max(mtimeMs, ctimeMs);

const isYoung = (stats: Stats): boolean => Date.now() - changedMs(stats) < YOUNG_MS;

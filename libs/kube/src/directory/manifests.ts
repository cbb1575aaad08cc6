import type { KubeObject } from '@jspolicy/contracts';
import { joinKey, splitApiVersion } from '../object-names.ts';
import { builtinType } from './builtin-kinds.ts';
import { FileTree } from './file-tree.ts';
import { type ManifestFile, type ManifestNotice, type ManifestObject, parseManifest } from './manifest-file.ts';
import { ManifestNews, type ProblemHandler, type ToldProblem } from './manifest-news.ts';

/** What is known from before this process, and from other ones. */
export interface Memory {
  /** The objects of a file that were last good. */
  recall(path: string): ManifestObject[];
  /** The file whose object of this key is in force. */
  incumbent(key: string): string | undefined;
}

/** Editors empty a file before they write it: one that lost all it had is taken at its word after so long. */
const EMPTY_SETTLES_MS = 1000;

/**
 * The users' manifests. In a file with a problem the objects that have none are in force, beside those of its last good text
 * that it does not have now: whether they were removed, or are where the problem is, cannot be told. Of two objects of the
 * same name the one that is in force already stays, else the one whose file comes first is taken.
 */
export class Manifests {
  readonly #tree: FileTree<ManifestFile>;
  readonly #memory: Memory;
  readonly #news: ManifestNews;
  readonly #lastGood = new Map<string, ManifestObject[]>();
  /** Files that were emptied a moment ago. */
  #emptied = new Set<string>();
  #objects = new Map<string, ManifestObject>();
  problems: ToldProblem[] = [];

  constructor(root: string, except: string, options: { handler: ProblemHandler; memory: Memory }) {
    const accepts = (name: string) => /\.(?:ya?ml|json)$/.test(name);
    this.#tree = new FileTree({ root, except, accepts, parse: parseManifest });
    this.#memory = options.memory;
    this.#news = new ManifestNews(options.handler);
  }

  get directories(): Set<string> {
    return this.#tree.directories;
  }

  /** By group, kind, namespace and name. */
  get objects(): ReadonlyMap<string, ManifestObject> {
    return this.#objects;
  }

  /** `again`: what the memory says may have changed. True when something of the manifests did. */
  async scan(again: boolean): Promise<boolean> {
    const changed = await this.#tree.scan();
    if (!changed && !again && this.#emptied.size === 0) return false;
    const waiting = this.#emptied.size;
    const files = this.#tree.files;
    const notices = this.#keepLastGood(files);
    const duplicates = this.#merge(files);
    this.problems = [...files.flatMap(([path, file]) => this.#told(path, file)), ...duplicates];
    this.#news.notices([...files.flatMap(([, file]) => file.notices), ...notices]);
    this.#news.problems(this.problems, (path) => this.#tree.get(path) !== undefined);
    return changed || this.#emptied.size < waiting;
  }

  /** Returns what is to be told of files that were emptied. */
  #keepLastGood(files: [string, ManifestFile][]): ManifestNotice[] {
    this.#emptied = new Set();
    for (const path of this.#lastGood.keys()) {
      if (this.#tree.get(path) === undefined) this.#lastGood.delete(path);
    }
    return files.flatMap(([path, file]) => this.#keepFile(path, file));
  }

  #keepFile(path: string, file: ManifestFile): ManifestNotice[] {
    if (file.problems.length === 0 && !isEmpty(file)) {
      this.#lastGood.set(path, file.objects);
      return [];
    }
    const before = this.#lastGood.get(path) ?? this.#memory.recall(path);
    if (file.objects.length > 0) {
      this.#lastGood.set(path, [...file.objects, ...missingIn(file, before)]);
      return [];
    }
    const lost = file.problems.length === 0 && before.length > 0;
    const settled = lost && this.#tree.ageMs(path) >= EMPTY_SETTLES_MS;
    if (lost && !settled) this.#emptied.add(path);
    this.#lastGood.set(path, settled ? [] : before);
    return settled ? [{ file: path, message: emptiedText(before) }] : [];
  }

  #told(path: string, file: ManifestFile): ToldProblem[] {
    const kept = missingIn(file, this.#lastGood.get(path) ?? []).length > 0;
    const fate = file.objects.length > 0 ? (kept ? 'part-kept' : 'part') : kept ? 'kept' : 'none';
    return file.problems.map((problem) => ({ ...problem, fate }));
  }

  #merge(files: [string, ManifestFile][]): ToldProblem[] {
    const placed = files
      .flatMap(([path]) => this.#lastGood.get(path) ?? [])
      .map((entry) => ({ ...entry, object: withNamespace(entry.object) }));
    const byKey = Map.groupBy(placed, ({ object }) => manifestKey(object));
    this.#objects = new Map();
    return [...byKey].flatMap(([key, entries]) => {
      const incumbent = entries.length > 1 ? this.#memory.incumbent(key) : undefined;
      const taken = entries.find(({ file }) => file === incumbent) ?? entries[0];
      if (!taken) return [];
      this.#objects.set(key, taken);
      return entries.filter((entry) => entry !== taken).map((entry) => duplicate(entry, taken));
    });
  }
}

/** The same object in another version of its group is the same object. */
export function manifestKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return `${splitApiVersion(object.apiVersion).group} ${object.kind} ${joinKey(namespace, name)}`;
}

function missingIn({ objects }: ManifestFile, before: ManifestObject[]): ManifestObject[] {
  const there = new Set(objects.map(({ object }) => manifestKey(withNamespace(object))));
  return before.filter(({ object }) => !there.has(manifestKey(withNamespace(object))));
}

const isEmpty = ({ objects, problems, notices }: ManifestFile): boolean =>
  objects.length + problems.length + notices.length === 0;

function withNamespace(object: KubeObject): KubeObject {
  const type = builtinType(object.apiVersion, object.kind);
  if (!type) return object;
  const { namespace, ...metadata } = object.metadata;
  if (!type.namespaced) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, namespace: namespace ?? 'default' } };
}

const named = ({ kind, metadata }: KubeObject): string => `${kind} ${joinKey(metadata.namespace, metadata.name)}`;

const emptiedText = (objects: ManifestObject[]): string =>
  `the file is empty now, what it held is removed: ${objects.map(({ object }) => named(object)).join(', ')}`;

function duplicate({ object, file, line, column }: ManifestObject, taken: ManifestObject): ToldProblem {
  const where = `${taken.file}:${taken.line}`;
  const message = `${named(object)} is in force from ${where}, so this one is ignored: rename or remove one of the two`;
  return { file, line, column, message, fate: 'ignored' };
}

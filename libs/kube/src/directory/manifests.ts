import type { KubeObject } from '@jspolicy/contracts';
import { joinKey, splitApiVersion } from '../object-names.ts';
import { BUILTIN_TYPES, typeKey } from './builtin-kinds.ts';
import { FileTree } from './file-tree.ts';
import { type ManifestFile, type ManifestObject, type ManifestProblem, parseManifest } from './manifest-file.ts';

/** What is remembered of a file from before this process: the objects that were last good. */
export type Recall = (path: string) => ManifestObject[];

export interface ProblemHandler {
  onProblem(problem: ManifestProblem): void;
  /** A file that had problems has none any more, or is gone. */
  onFixed?(file: string): void;
}

/**
 * The users' manifests. A file with a problem keeps the objects of its last good text in force. Of two objects of the
 * same name the one whose file comes first is taken.
 */
export class Manifests {
  readonly #tree: FileTree<ManifestFile>;
  readonly #handler: ProblemHandler;
  readonly #recall: Recall;
  readonly #lastGood = new Map<string, ManifestObject[]>();
  readonly #told = new Map<string, string>();
  #objects = new Map<string, ManifestObject>();
  problems: ManifestProblem[] = [];

  constructor(root: string, except: string, options: { handler: ProblemHandler; recall: Recall }) {
    const accepts = (name: string) => /\.(?:ya?ml|json)$/.test(name);
    this.#tree = new FileTree({ root, except, accepts, parse: parseManifest });
    this.#handler = options.handler;
    this.#recall = options.recall;
  }

  get directories(): Set<string> {
    return this.#tree.directories;
  }

  /** By group, kind, namespace and name. */
  get objects(): ReadonlyMap<string, ManifestObject> {
    return this.#objects;
  }

  async scan(): Promise<boolean> {
    if (!(await this.#tree.scan())) return false;
    const files = this.#tree.files;
    this.#keepLastGood(files);
    const duplicates = this.#merge(files);
    this.problems = [...files.flatMap(([, file]) => file.problems), ...duplicates];
    this.#tell();
    return true;
  }

  #keepLastGood(files: [string, ManifestFile][]): void {
    for (const [path, file] of files) {
      if (file.problems.length === 0) this.#lastGood.set(path, file.objects);
      else if (!this.#lastGood.has(path)) this.#lastGood.set(path, this.#recall(path));
    }
    for (const path of this.#lastGood.keys()) {
      if (this.#tree.get(path) === undefined) this.#lastGood.delete(path);
    }
  }

  #merge(files: [string, ManifestFile][]): ManifestProblem[] {
    const duplicates: ManifestProblem[] = [];
    this.#objects = new Map();
    for (const entry of files.flatMap(([path]) => this.#lastGood.get(path) ?? [])) {
      const object = withNamespace(entry.object);
      const key = manifestKey(object);
      const first = this.#objects.get(key);
      if (first) duplicates.push(duplicate(entry, first));
      else this.#objects.set(key, { ...entry, object });
    }
    return duplicates;
  }

  /** Each problem once for each change of it. */
  #tell(): void {
    const byFile = Map.groupBy(this.problems, ({ file }) => file);
    for (const [file, problems] of byFile) {
      const text = JSON.stringify(problems);
      if (this.#told.get(file) === text) continue;
      this.#told.set(file, text);
      for (const problem of problems) this.#handler.onProblem(problem);
    }
    for (const file of this.#told.keys()) {
      if (byFile.has(file)) continue;
      this.#told.delete(file);
      this.#handler.onFixed?.(file);
    }
  }
}

/** The same object in another version of its group is the same object. */
export function manifestKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return `${splitApiVersion(object.apiVersion).group} ${object.kind} ${joinKey(namespace, name)}`;
}

function withNamespace(object: KubeObject): KubeObject {
  const type = BUILTIN_TYPES.get(typeKey(object.apiVersion, object.kind));
  if (!type) return object;
  const { namespace, ...metadata } = object.metadata;
  if (!type.namespaced) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, namespace: namespace ?? 'default' } };
}

function duplicate({ object, file, line, column }: ManifestObject, first: ManifestObject): ManifestProblem {
  const name = joinKey(object.metadata.namespace, object.metadata.name);
  const message = `${object.kind} ${name} is already defined in ${first.file}:${first.line}, which is the one in force`;
  return { file, line, column, message };
}

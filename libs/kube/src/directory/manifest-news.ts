import type { ManifestNotice, ManifestProblem } from './manifest-file.ts';

/**
 * What a problem does. `kept`: the objects of the file's last good text stay in force; `none`: nothing of the file is in
 * force; `part`: the objects without a problem are; `part-kept`: so are those of its last good text that it lacks now;
 * `ignored`: this object is not taken, because another file has one of its name.
 */
export type ProblemFate = 'kept' | 'none' | 'part' | 'part-kept' | 'ignored';

export interface ToldProblem extends ManifestProblem {
  fate: ProblemFate;
}

export interface ProblemHandler {
  onProblem(problem: ToldProblem): void;
  /** A file that had problems has none any more, or is gone. */
  onFixed?(file: string, how: 'read' | 'gone'): void;
  /** What is no mistake, once for each change of the file. */
  onNotice?(notice: ManifestNotice): void;
}

/** Tells each problem and each notice of a file once, and again when the file's are others. */
export class ManifestNews {
  readonly #handler: ProblemHandler;
  readonly #problems = new Map<string, string>();
  readonly #notices = new Map<string, string>();

  constructor(handler: ProblemHandler) {
    this.#handler = handler;
  }

  problems(problems: ToldProblem[], exists: (file: string) => boolean): void {
    const gone = tellNew(problems, this.#problems, (problem) => this.#handler.onProblem(problem));
    for (const file of gone) this.#handler.onFixed?.(file, exists(file) ? 'read' : 'gone');
  }

  notices(notices: ManifestNotice[]): void {
    tellNew(notices, this.#notices, (notice) => this.#handler.onNotice?.(notice));
  }
}

/** Returns the files that have nothing to tell any more. */
function tellNew<T extends { file: string }>(all: T[], told: Map<string, string>, tell: (each: T) => void): string[] {
  const byFile = Map.groupBy(all, ({ file }) => file);
  for (const [file, news] of byFile) {
    const text = JSON.stringify(news);
    if (told.get(file) === text) continue;
    told.set(file, text);
    for (const each of news) tell(each);
  }
  const gone = [...told.keys()].filter((file) => !byFile.has(file));
  for (const file of gone) told.delete(file);
  return gone;
}

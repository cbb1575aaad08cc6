import type { ManifestNotice, ProblemFate, ToldProblem } from '@jspolicy/kube';
import { shownPath } from '../terminal.ts';

const FATES: Record<ProblemFate, string> = {
  kept: ' (what was last read from this file stays in force)',
  none: ' (nothing of this file is in force)',
  part: ' (this is not in force, the rest of the file is)',
  'part-kept': ' (what was last read here stays in force, and the rest of the file is)',
  // The message itself says which one is taken.
  ignored: '',
};

/** What the user reads about the files below the manifests' directory. Nothing is told before follow(). */
export class ManifestTelling {
  readonly #directory: string;
  readonly #print: (line: string) => void;
  readonly #early: string[] = [];
  #following = false;

  constructor(directory: string, print: (line: string) => void) {
    this.#directory = shownPath(directory);
    this.#print = print;
  }

  /** Tells the problems of this moment and the notices so far; from now on each change is told. */
  follow(problems: readonly ToldProblem[]): void {
    this.#following = true;
    for (const line of [...this.#early, ...problems.map(problemLine)]) this.#print(line);
  }

  onProblem(problem: ToldProblem): void {
    if (this.#following) this.#print(problemLine(problem));
  }

  onFixed(file: string, how: 'read' | 'gone'): void {
    const text = how === 'gone' ? 'the file is gone, and its problems with it' : 'read without problems now';
    if (this.#following) this.#print(`${shownPath(file)}: ${text}`);
  }

  onNotice({ file, message }: ManifestNotice): void {
    const line = `${shownPath(file)}: ${message}`;
    if (this.#following) this.#print(line);
    else this.#early.push(line);
  }

  onUnreadable(error: Error): void {
    this.#print(`${this.#directory} cannot be read now (${error.message}): what was last read stays in force`);
  }

  onReadable(): void {
    this.#print(`${this.#directory} is read again`);
  }
}

const problemLine = ({ file, line, column, message, fate }: ToldProblem): string =>
  `${shownPath(file)}:${line}:${column}: ${message}${FATES[fate]}`;

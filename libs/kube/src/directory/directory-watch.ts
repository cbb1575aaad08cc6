import { type FSWatcher, watch } from 'node:fs';

const DEBOUNCE_MS = 30;
/** Some file systems tell of no changes (network mounts, some container mounts): look by ourselves too. */
const POLL_MS = 1000;

/** Calls back soon after something in the directories may have changed, and once a second in any case. */
export class DirectoryWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#poll = setInterval(onChange, POLL_MS);
  }

  /** Watches exactly these from now on. */
  follow(directories: Set<string>): void {
    for (const [directory, watcher] of this.#watchers) {
      if (!directories.has(directory)) this.#drop(directory, watcher);
    }
    for (const directory of directories) {
      if (!this.#watchers.has(directory)) this.#add(directory);
    }
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#pending);
    this.#pending = undefined;
    for (const [directory, watcher] of this.#watchers) this.#drop(directory, watcher);
  }

  #add(directory: string): void {
    try {
      const watcher = watch(directory, () => this.#soon());
      watcher.on('error', () => this.#drop(directory, watcher));
      this.#watchers.set(directory, watcher);
    } catch {
      // Gone again, or no more watches are to be had: polling finds what changes.
    }
  }

  #drop(directory: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory);
  }

  #soon(): void {
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      this.#onChange();
    }, DEBOUNCE_MS);
  }
}

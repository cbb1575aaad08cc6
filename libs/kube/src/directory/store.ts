import { join, relative, resolve } from 'node:path';
import { DirectoryWatch } from './directory-watch.ts';
import type { ManifestObject } from './manifest-file.ts';
import type { ProblemHandler } from './manifest-news.ts';
import { Manifests } from './manifests.ts';
import { hasStatus, renewedOverlay } from './object-identity.ts';
import { StateFiles } from './state-files.ts';
import { buildView, garbage, type Origin, overlaysOf, type View } from './view.ts';

interface StoreOptions extends ProblemHandler {
  manifests: string;
  state: string;
  /** The files could not be read or written, told once; it is tried again. */
  onTrouble(error: unknown): void;
  /** They can again. */
  onRecovered(): void;
}

/** The view of both directories, kept current; told to listeners when it changes. */
export class Store {
  readonly state: StateFiles;
  readonly manifests: Manifests;
  readonly #root: string;
  readonly #watch: DirectoryWatch;
  readonly #listeners = new Set<(view: View) => void>();
  readonly #options: StoreOptions;
  #view: View = new Map();
  #refreshing: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #closed = false;
  #scanning: Promise<unknown> = Promise.resolve();
  /** Files were read without making a view of them. */
  #stale = false;
  /** undefined before the first look. */
  #readable: boolean | undefined;

  constructor(options: StoreOptions) {
    this.state = new StateFiles(options.state);
    this.#root = options.manifests;
    const memory = {
      recall: (path: string) => this.#recall(path),
      incumbent: (key: string) => this.#incumbent(key),
    };
    this.manifests = new Manifests(options.manifests, resolve(options.state), { handler: options, memory });
    this.#options = options;
    // What went wrong was told by #refresh().
    this.#watch = new DirectoryWatch(() => void this.refresh().catch(() => undefined));
  }

  get view(): View {
    return this.#view;
  }

  /** Listens to changes; the answer ends that. */
  listen(listener: (view: View) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when a look at the files that began after this call is done. */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (!this.#refreshing) {
      this.#refreshing = this.#tellingTrouble().finally(() => {
        this.#refreshing = undefined;
      });
      return this.#refreshing;
    }
    this.#again ??= this.#refreshing
      .catch(() => undefined)
      .then(() => {
        this.#again = undefined;
        return this.refresh();
      });
    return this.#again;
  }

  /** One object as the files show it now. For use under the lock. */
  async fresh(key: string): Promise<Origin | undefined> {
    await this.#scan();
    this.#stale = true;
    return buildView(this.manifests.objects, this.state.files).get(key);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.refresh().catch(() => undefined);
    this.#closed = true;
    this.#watch.close();
  }

  async #tellingTrouble(): Promise<void> {
    try {
      await this.#refresh();
      if (this.#readable === false) this.#options.onRecovered();
      this.#readable = true;
    } catch (error) {
      if (this.#readable) this.#options.onTrouble(error);
      if (this.#readable) this.#readable = false;
      throw error;
    } finally {
      // Also after trouble: the watch of a directory that is gone would not see the next one of its name.
      if (!this.#closed) this.#watch.follow(new Set([...this.manifests.directories, ...this.state.directories]));
    }
  }

  async #refresh(): Promise<void> {
    if ((await this.#scan()) || this.#stale) {
      this.#stale = false;
      if (this.#needsUpkeep()) await this.state.locked(() => this.#upkeep());
      this.#view = buildView(this.manifests.objects, this.state.files);
      for (const listener of this.#listeners) listener(this.#view);
    }
  }

  /** One at a time: of two that overlap, the earlier would drop files that only the later had seen. */
  #scan(): Promise<boolean> {
    const scan = this.#scanning.then(async () => {
      const state = await this.state.scan();
      return (await this.manifests.scan(state)) || state;
    });
    this.#scanning = scan.catch(() => undefined);
    return scan;
  }

  /** A file that is broken from the start: what it held when it was read last, in another process. */
  #recall(path: string): ManifestObject[] {
    const file = relative(this.#root, path);
    return [...overlaysOf(this.state.files).values()]
      .filter((overlay) => overlay.file === file && overlay.manifest !== undefined)
      .map(({ manifest }) => ({ object: manifest, file: path, line: 1, column: 1 }));
  }

  /** Written beside the manifests, so that every process takes the same of two. */
  #incumbent(key: string): string | undefined {
    const overlay = overlaysOf(this.state.files).get(key);
    return overlay && join(this.#root, overlay.file);
  }

  #renewed() {
    const overlays = overlaysOf(this.state.files);
    return [...this.manifests.objects].flatMap(([key, manifest]) => {
      const overlay = hasStatus(manifest.object)
        ? renewedOverlay(manifest, relative(this.#root, manifest.file), overlays.get(key))
        : undefined;
      return overlay ? [overlay] : [];
    });
  }

  /** While a manifest cannot be read nothing is cleared away: its objects may only seem to be gone. */
  #garbage() {
    return this.manifests.problems.length > 0 ? [] : garbage(this.manifests.objects, this.state.files);
  }

  #needsUpkeep(): boolean {
    return this.#renewed().length > 0 || this.#garbage().length > 0;
  }

  /** Under the lock, from files read under it: of two processes the one that read later is right. */
  async #upkeep(): Promise<void> {
    await this.#scan();
    for (const overlay of this.#renewed()) {
      const resourceVersion = await this.state.nextVersion();
      await this.state.write({ kind: 'overlay', overlay: { ...overlay, resourceVersion } });
    }
    for (const file of this.#garbage()) await this.state.remove(file);
    await this.#scan();
  }
}

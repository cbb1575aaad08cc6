import { mkdir, mkdtemp, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dependencies, manifestOf, treeDigest } from './check.ts';
import type { NpmInstaller } from './npm-install.ts';

/** Installed packages, read-only from the moment that they have a path. */
export interface DependencyTree {
  /** Real path of a directory with node_modules in it. */
  path: string;
  lockfile: string;
}

/**
 * Installed trees by the digest of their dependencies. A tree appears under its name complete or not at all, so several
 * processes may share the directory.
 */
export class DependencyTrees {
  readonly #trees: string;
  readonly #incoming: string;
  readonly #installer: NpmInstaller;
  readonly #minReleaseAgeDays: number;
  readonly #running = new Map<string, Promise<DependencyTree>>();

  constructor(options: { cacheDir: string; installer: NpmInstaller; minReleaseAgeDays: number }) {
    this.#trees = join(options.cacheDir, 'trees');
    this.#incoming = join(options.cacheDir, 'incoming');
    this.#installer = options.installer;
    this.#minReleaseAgeDays = options.minReleaseAgeDays;
  }

  /** The tree of checked dependencies; npm is started only when there is none yet. Throws CompileFailure. */
  async get(dependencies: Dependencies): Promise<DependencyTree> {
    const manifest = manifestOf(dependencies);
    const digest = treeDigest(manifest, this.#minReleaseAgeDays);
    const found = await this.#read(digest);
    if (found) return found;
    const running = this.#running.get(digest) ?? this.#install(digest, manifest);
    this.#running.set(digest, running);
    return running.finally(() => this.#running.delete(digest));
  }

  async #read(digest: string): Promise<DependencyTree | undefined> {
    const path = join(this.#trees, digest);
    const lockfile = await readFile(join(path, 'package-lock.json'), 'utf8').catch(() => undefined);
    return lockfile === undefined ? undefined : { path: await realpath(path), lockfile };
  }

  async #install(digest: string, manifest: string): Promise<DependencyTree> {
    await mkdir(this.#incoming, { recursive: true });
    await mkdir(this.#trees, { recursive: true });
    const directory = await mkdtemp(join(this.#incoming, `${digest.slice(0, 8)}-`));
    try {
      await this.#installer.install(directory, manifest);
      // Fails when another process was first; then its tree is as good.
      await rename(directory, join(this.#trees, digest)).catch(() => undefined);
      const tree = await this.#read(digest);
      if (!tree) throw new Error(`the installed packages could not be moved to ${this.#trees}`);
      return tree;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

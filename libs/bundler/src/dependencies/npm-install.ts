import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundlerLimits } from '../limits.ts';
import { refused } from './check.ts';
import { type ChildOutcome, runChild } from './child-process.ts';
import { findNpm, installEnvironment, settingsQuery } from './npm-command.ts';
import { npmFailure, platformFailure } from './npm-failure.ts';
import { exceeds } from './tree-size.ts';

export interface NpmOptions {
  /** Versions younger than so many days are not taken. */
  minReleaseAgeDays?: number;
  /** Where packages come from; absent: what the user's own npm is set to. */
  registry?: string;
}

const INSTALL = [
  'install',
  '--json',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-bin-links',
  '--no-progress',
  '--loglevel=error',
  '--package-lock',
  '--omit=dev',
  // Everything comes from the registry by name and version: these are the other ways that a package can ask for.
  '--allow-git=none',
  '--allow-remote=none',
  '--allow-file=none',
  '--allow-directory=none',
  // The lockfile then holds no host name, and an entry that still has one did not come from the registry.
  '--omit-lockfile-registry-resolved',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=500',
  '--fetch-timeout=20000',
];

/** How often the size of a growing tree is looked at. */
const SIZE_INTERVAL_MS = 500;
const TOO_LARGE = 'too large';

/** Installs packages with npm, never running any of their code. */
export class NpmInstaller {
  readonly #options: NpmOptions;
  readonly #limits: BundlerLimits;
  readonly #homes: string;
  readonly #cache: string;
  readonly #closing = new AbortController();
  #settings: Promise<string> | undefined;

  constructor(options: { npm: NpmOptions; limits: BundlerLimits; workDir: string; cacheDir: string }) {
    this.#options = options.npm;
    this.#limits = options.limits;
    this.#homes = join(options.workDir, 'homes');
    this.#cache = join(options.cacheDir, 'npm');
  }

  /** Fills `directory`, which is empty, from a package.json's text; returns the lockfile. Throws CompileFailure. */
  async install(directory: string, manifest: string): Promise<string> {
    await writeFile(join(directory, 'package.json'), manifest);
    const home = join(this.#homes, crypto.randomUUID());
    await mkdir(home, { recursive: true });
    try {
      const outcome = await this.#run(directory, home);
      if (outcome.stopped === TOO_LARGE) throw tooLarge(this.#limits);
      if (outcome.code !== 0 || outcome.stopped) throw npmFailure(outcome);
      await this.#checkSize(directory);
      return await readLockfile(directory);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }

  /** Kills what runs. */
  close(): void {
    this.#closing.abort('the compiler stops');
  }

  async #run(directory: string, home: string): Promise<ChildOutcome> {
    const settings = this.#options.registry ? `registry=${this.#options.registry}` : await this.#userSettings();
    const age = this.#options.minReleaseAgeDays ?? 0;
    const args = [...INSTALL, ...(age > 0 ? [`--min-release-age=${age}`] : [])];
    const limit = new AbortController();
    const watch = setInterval(() => void this.#abortWhenTooLarge(directory, limit), SIZE_INTERVAL_MS);
    try {
      const env = installEnvironment(settings, home, this.#cache, process.env);
      return await this.#npm(args, { cwd: directory, env, signal: limit.signal });
    } finally {
      clearInterval(watch);
    }
  }

  async #npm(
    args: string[],
    options: { cwd: string; env: NodeJS.ProcessEnv; signal?: AbortSignal },
  ): Promise<ChildOutcome> {
    const npm = await findNpm(process.env);
    if (!npm) throw platformFailure('npm was not found beside node nor on PATH');
    const timeout = new AbortController();
    const seconds = this.#limits.installTimeoutMs / 1000;
    const timer = setTimeout(() => timeout.abort(`npm took longer than ${seconds} s`), this.#limits.installTimeoutMs);
    const signals = [timeout.signal, this.#closing.signal, ...(options.signal ? [options.signal] : [])];
    try {
      return await runChild(npm.file, [...npm.args, ...args], { ...options, signal: AbortSignal.any(signals) });
    } catch (error) {
      throw platformFailure('npm could not be started', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asked once; an installation's own environment has no access to the files that these come from. */
  async #userSettings(): Promise<string> {
    this.#settings ??= this.#npm(settingsQuery, { cwd: this.#homes, env: process.env }).then(({ stdout }) => stdout);
    return this.#settings;
  }

  async #abortWhenTooLarge(directory: string, limit: AbortController): Promise<void> {
    if (await exceeds(directory, this.#size)) limit.abort(TOO_LARGE);
  }

  async #checkSize(directory: string): Promise<void> {
    if (await exceeds(directory, this.#size)) throw tooLarge(this.#limits);
  }

  get #size() {
    return { maxBytes: this.#limits.maxInstallBytes, maxFiles: this.#limits.maxInstallFiles };
  }
}

function tooLarge(limits: BundlerLimits) {
  const mebibytes = Math.round(limits.maxInstallBytes / 1024 / 1024);
  return refused(`the packages are larger than ${mebibytes} MiB or more than ${limits.maxInstallFiles} files`);
}

interface Lockfile {
  packages: Record<string, { resolved?: string; link?: boolean; integrity?: string }>;
}

async function readLockfile(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as Lockfile;
  for (const [path, entry] of Object.entries(packages)) {
    if (path !== '' && (entry.link || entry.resolved !== undefined || entry.integrity === undefined)) {
      throw refused(`${path.replace(/^.*node_modules\//, '')} does not come from the registry`);
    }
  }
  return text;
}

import type { BuildOptions, BuildResult, Message, TransformOptions, TransformResult } from 'esbuild';

/** esbuild found the text or the packages wrong. */
export class EsbuildErrors extends Error {
  readonly errors: Message[];
  constructor(errors: Message[], options?: ErrorOptions) {
    super(errors[0]?.text ?? 'esbuild failed', options);
    this.name = 'EsbuildErrors';
    this.errors = errors;
  }
}

/** esbuild's process did not survive the build, or took too long. */
export class EsbuildDied extends Error {
  readonly reason: 'crash' | 'timeout';
  /** `text`: what became of it. */
  constructor(reason: 'crash' | 'timeout', text: string, options?: ErrorOptions) {
    super(text, options);
    this.name = 'EsbuildDied';
    this.reason = reason;
  }
}

type Esbuild = typeof import('esbuild');

/**
 * The one esbuild process: started by the first build, ended after a while without one, and killed by a build that
 * takes too long. Builds that die with another one's process are started once more.
 */
export class EsbuildProcess {
  readonly #timeoutMs: number;
  readonly #idleMs: number;
  #esbuild: Promise<Esbuild> | undefined;
  #running = 0;
  #generation = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: { timeoutMs: number; idleMs: number }) {
    this.#timeoutMs = options.timeoutMs;
    this.#idleMs = options.idleMs;
  }

  build(options: BuildOptions & { write: false }): Promise<BuildResult<{ write: false }>> {
    return this.#run((esbuild) => esbuild.build(options));
  }

  transform(text: string, options: TransformOptions): Promise<TransformResult> {
    return this.#run((esbuild) => esbuild.transform(text, options));
  }

  /** Ends the process; a later build starts a new one. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const loaded = this.#esbuild;
    this.#generation++;
    if (loaded) await (await loaded).stop();
  }

  async #run<T>(work: (esbuild: Esbuild) => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#running++;
    try {
      return await this.#attempt(work);
    } finally {
      if (--this.#running === 0) this.#idle = setTimeout(() => void this.stop(), this.#idleMs).unref();
    }
  }

  async #attempt<T>(work: (esbuild: Esbuild) => Promise<T>, tried = 0): Promise<T> {
    this.#esbuild ??= import('esbuild');
    const esbuild = await this.#esbuild;
    const generation = this.#generation;
    const shared = this.#running > 1;
    try {
      return await this.#limited(work(esbuild));
    } catch (error) {
      if (hasErrors(error)) throw new EsbuildErrors(error.errors, { cause: error });
      if (error instanceof EsbuildDied && error.reason === 'timeout') throw error;
      if (generation === this.#generation) await this.stop();
      // Alone it was this build that ended the process; among others it may have been another one.
      if (shared && tried === 0) return this.#attempt(work, 1);
      throw new EsbuildDied('crash', 'the process ended', { cause: error });
    }
  }

  async #limited<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new EsbuildDied('timeout', `took longer than ${this.#timeoutMs / 1000} s`));
        void this.stop();
      }, this.#timeoutMs);
    });
    work.catch(() => undefined);
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}

function hasErrors(error: unknown): error is Error & { errors: Message[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors) && error.errors.length > 0;
}

import type { CompileReply, CompileRequest } from '@jspolicy/contracts';
import { apart } from './apart.ts';
import type { BundlerOptions } from './bundler.ts';
import { bundlingFailure, SOURCE_FILE } from './diagnostics.ts';
import { CompileFailure } from './failure.ts';
import { DEFAULT_LIMITS } from './limits.ts';

export type SourceRequest = Extract<CompileRequest, { kind: 'source' }>;

export interface Build {
  options: BundlerOptions;
  request: SourceRequest;
}

/**
 * For a process to start on a busy machine, so that npm and esbuild tell first what takes too long. With it all builds are
 * answered before a controller gives up, which waits more than three times BUNDLE_TIMEOUT.
 */
const START_MS = 5_000;
/** A source of 1 MiB is built with 192, unless it was written to take more. */
const MEMORY_LIMIT_MIB = 256;

/** Builds in processes of their own: a source may be written so that to parse it takes all the time and memory there is. */
export class BuildsApart {
  readonly #options: BundlerOptions;
  readonly #closing = new AbortController();

  constructor(options: BundlerOptions) {
    this.#options = options;
  }

  /** As Bundler.compile(). */
  async compile(request: SourceRequest): Promise<CompileReply> {
    const { bundleTimeoutMs, installTimeoutMs } = { ...DEFAULT_LIMITS, ...this.#options.limits };
    const installs = Object.keys(request.dependencies).length > 0;
    const build: Build = { options: this.#options, request };
    const outcome = await apart<CompileReply>(import.meta.url, 'build-process', build, {
      timeoutMs: START_MS + bundleTimeoutMs + (installs ? installTimeoutMs : 0),
      memoryLimitMiB: MEMORY_LIMIT_MIB,
      env: process.env,
      signal: this.#closing.signal,
    });
    if ('done' in outcome) return outcome.done;
    if ('ended' in outcome)
      return new CompileFailure(
        'platform',
        `error bundling javascript: the build's process ended: ${outcome.ended}`,
      ).reply();
    const text =
      outcome.over === 'time'
        ? `to compile it takes longer than ${bundleTimeoutMs / 1000} s`
        : `to compile it takes more than ${MEMORY_LIMIT_MIB} MiB of memory`;
    return bundlingFailure([{ file: SOURCE_FILE, text }]).reply();
  }

  /** Ends the builds. Idempotent. */
  close(): void {
    this.#closing.abort();
  }
}

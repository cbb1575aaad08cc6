import type { CompileReply, CompileRequest } from '@jspolicy/contracts';
import { createBuilder } from './builder.ts';
import { BuildsApart, type SourceRequest } from './builds-apart.ts';
import type { NpmOptions } from './dependencies/npm-install.ts';
import type { BundlerLimits } from './limits.ts';

export interface BundlerOptions {
  /** For what lives as long as one build. Made when it is missing. */
  workDir: string;
  /** For installed packages; processes may share it, and it may be emptied when none runs. */
  cacheDir: string;
  npm?: NpmOptions;
  limits?: Partial<BundlerLimits>;
}

export interface Bundler {
  /**
   * Makes one script of a policy. A policy that cannot be compiled, and a registry that cannot be reached, are replies;
   * it rejects only for a bug of ours. The same request gives the same bytes, whatever the directories, as long as the
   * registry resolves the ranges to the same versions.
   */
  compile(request: CompileRequest): Promise<CompileReply>;
  /** Kills npm and esbuild. Builds in flight fail as the platform's fault or are never answered. Idempotent. */
  close(): Promise<void>;
}

/** Up to here a source is compiled where it is: to parse it takes some milliseconds. Policies that people write are smaller. */
const SMALL_LENGTH = 20_000;

/**
 * Nothing is started before the first build that needs it: esbuild lives on for a minute, npm as long as it installs, and the
 * process of a large source as long as its build.
 */
export function createBundler(options: BundlerOptions): Bundler {
  const builder = createBuilder(options);
  const apart = new BuildsApart(options);
  return {
    compile: (request) => (isLargeSource(request) ? apart.compile(request) : builder.compile(request)),
    async close() {
      apart.close();
      await builder.close();
    },
  };
}

function isLargeSource(request: CompileRequest): request is SourceRequest {
  return request.kind === 'source' && request.source.length > SMALL_LENGTH;
}

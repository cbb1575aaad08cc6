import type { CompileReply, CompileRequest } from '@jspolicy/contracts';
import { DependencyTrees } from './dependencies/dependency-trees.ts';
import { platformFailure } from './dependencies/npm-failure.ts';
import { NpmInstaller, type NpmOptions } from './dependencies/npm-install.ts';
import { EsbuildProcess } from './esbuild-process.ts';
import { CompileFailure } from './failure.ts';
import { type BundlerLimits, DEFAULT_LIMITS } from './limits.ts';
import { compilePrecompiled } from './precompiled.ts';
import { compileSource, type SourceCompiler } from './source.ts';

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

/** Nothing is started before the first build that needs it: esbuild lives on for a minute, npm as long as it installs. */
export function createBundler(options: BundlerOptions): Bundler {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const npm = options.npm ?? {};
  const esbuild = new EsbuildProcess({ timeoutMs: limits.bundleTimeoutMs, idleMs: limits.esbuildIdleMs });
  const installer = new NpmInstaller({ npm, limits, workDir: options.workDir, cacheDir: options.cacheDir });
  const trees = new DependencyTrees({
    cacheDir: options.cacheDir,
    installer,
    minReleaseAgeDays: npm.minReleaseAgeDays ?? 0,
  });
  const compiler: SourceCompiler = { esbuild, trees, limits };
  return {
    compile: (request) => compile(request, compiler),
    async close() {
      installer.close();
      await esbuild.stop();
    },
  };
}

async function compile(request: CompileRequest, compiler: SourceCompiler): Promise<CompileReply> {
  try {
    if (request.kind === 'precompiled') return await compilePrecompiled(request.script, compiler.limits);
    return await compileSource(request, compiler);
  } catch (error) {
    if (error instanceof CompileFailure) return error.reply();
    if (isFileError(error)) return platformFailure(error.message, { cause: error }).reply();
    throw error;
  }
}

/** A full disk, a missing right: an errno of the file system. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

import type { CompileReply, CompileRequest } from '@jspolicy/contracts';
import type { Bundler, BundlerOptions } from './bundler.ts';
import { DependencyTrees } from './dependencies/dependency-trees.ts';
import { platformFailure } from './dependencies/npm-failure.ts';
import { NpmInstaller } from './dependencies/npm-install.ts';
import { EsbuildProcess } from './esbuild-process.ts';
import { CompileFailure } from './failure.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { compilePrecompiled } from './precompiled.ts';
import { compileSource, type SourceCompiler } from './source.ts';

/** A bundler whose builds are made in this very process: npm and esbuild alone have their own. */
export function createBuilder(options: BundlerOptions): Bundler {
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

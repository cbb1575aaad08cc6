import { MAX_BUNDLE_BYTES } from '@jspolicy/contracts';

/** Bounds of one build. A source that passes one of them is refused; it cannot harm the next build. */
export interface BundlerLimits {
  /** UTF-8 bytes of a policy's source. */
  maxSourceBytes: number;
  /** UTF-8 bytes of a finished script: the decompressed size that evaluators read. */
  maxBundleBytes: number;
  /** Distinct packages and files that one policy imports. */
  maxImports: number;
  maxDependencies: number;
  /** Milliseconds for npm. */
  installTimeoutMs: number;
  /** Bytes and files of an installed dependency tree. */
  maxInstallBytes: number;
  maxInstallFiles: number;
  /** Milliseconds for each run of esbuild. */
  bundleTimeoutMs: number;
  /** Milliseconds without a build after which the esbuild process is ended. */
  esbuildIdleMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: BundlerLimits = {
  maxSourceBytes: MIB,
  maxBundleBytes: MAX_BUNDLE_BYTES,
  maxImports: 500,
  maxDependencies: 100,
  installTimeoutMs: 60_000,
  maxInstallBytes: 200 * MIB,
  maxInstallFiles: 50_000,
  bundleTimeoutMs: 30_000,
  esbuildIdleMs: 60_000,
};

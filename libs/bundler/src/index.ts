export type { Bundler, BundlerOptions } from './bundler.ts';
export { createBundler } from './bundler.ts';
export type { NpmOptions } from './dependencies/npm-install.ts';
export type { BundlerLimits } from './limits.ts';

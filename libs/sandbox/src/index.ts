export type { SandboxPoolOptions } from './pool/pool-options.ts';
export { createSandboxPool } from './pool/sandbox-pool.ts';
export * from './port.ts';

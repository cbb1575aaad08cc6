export * from './backoff.ts';
export * from './cluster-settings.ts';
export * from './config.ts';
export * from './health.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './node-flags.ts';
export * from './service.ts';

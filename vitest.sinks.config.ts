import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Sinks against the real servers of others, which are fetched or built first: minutes, the first time. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  defineConfig({
    test: { include: ['libs/sinks/src/**/*.server-test.ts'], testTimeout: 300_000, hookTimeout: 1_200_000 },
  }),
);

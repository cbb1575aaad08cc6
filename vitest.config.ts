import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['source'] } },
  resolve: { conditions: ['source'] },
  test: {
    include: [
      '{libs,services,bench}/*/src/**/*.test.ts',
      '{bench,docker,k8s}/src/**/*.test.ts',
      'integration-tests/src/**/*.test.ts',
    ],
    pool: 'forks',
    // isolated-vm does not start in a process that was made from a snapshot.
    execArgv: ['--no-node-snapshot'],
    // Waits have bounds of their own and say for what: a test ends by itself on the slowest of machines.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Two cores: real servers in more workers than that only slow each other.
    maxWorkers: 2,
  },
});

import { apart } from './apart.ts';

/** A process of the test: has work without end done apart, and ends as a build does that takes too long. */
const [file = ''] = process.argv.slice(2);
process.once('SIGTERM', () => process.exit());
await apart(import.meta.url, 'endless-process.test-part', file, { timeoutMs: 600_000, memoryLimitMiB: 64 });

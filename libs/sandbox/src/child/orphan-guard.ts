import { Worker } from 'node:worker_threads';
import { DAMAGED_SIGNAL, GUARD_FD } from '../pool/child-command.ts';

/** Caps, not what it takes: the thread holds no data. */
const LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };

/** Ends this process at once. exit() would wait for the guard's thread, which waits for the evaluator. */
export const endProcess = (): void => void process.kill(process.pid, 'SIGKILL');

/** The same, by a fault of its own. Nothing else sends this signal. */
export const endDamaged = (): void => void process.kill(process.pid, DAMAGED_SIGNAL);

/** Nothing is ever written to the pipe: reading it ends when the evaluator does, however that dies. */
const GUARD = `
  try { require('node:fs').readSync(${GUARD_FD}, Buffer.alloc(1)) }
  finally { process.kill(process.pid, 'SIGKILL') }`;

/**
 * A thread that ends this process when the evaluator is gone, also while the main thread is in code that nothing can
 * interrupt (BigInt arithmetic, a huge fill).
 */
export function guardAgainstOrphaning(): void {
  new Worker(GUARD, { eval: true, resourceLimits: LIMITS });
}

/**
 * A policy that asks the host more often than this in one evaluation is refused. Kept on both sides of the pipe. Far beyond
 * what policies do that write an object for each of some thousand: their time is over first, and bounds them.
 */
export const MAX_HOST_CALLS = 10_000;

export const TOO_MANY_CALLS = {
  reason: 'TooManyCalls',
  message: `a policy may call the host ${MAX_HOST_CALLS} times in one evaluation`,
} as const;

const READS = new Set(['get', 'list', 'env', 'sleep', 'readFileSync']);
const WRITES = new Set(['create', 'update', 'remove']);

/** It changes nothing: a run that called no other host function may be run again. */
export const isRead = (name: string): boolean => READS.has(name);
/** It writes to the cluster. */
export const isWrite = (name: string): boolean => WRITES.has(name);

/**
 * Flags of Node for our long-lived services. Bodies are buffers outside of the heap: with V8's own small limit for those a
 * full collection ran every few hundred reviews, on threads that take the other processes' cores. Counted in the heap's
 * limit, and with a limit that a service reaches late, there are none; and the memory that stays is less.
 */
export const SERVICE_NODE_FLAGS: readonly string[] = [
  '--external-memory-accounted-in-global-limit',
  '--initial-heap-size=128',
  '--single-threaded-gc',
];

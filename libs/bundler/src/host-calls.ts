/** Host functions that a policy waits for. The others (requeue, print, atob ...) cost no trip to the host. */
export const HOST_CALLS = [
  'get',
  'list',
  'create',
  'update',
  'remove',
  'fetchSync',
  'readFileSync',
  'env',
  'sleep',
] as const;

/** What lets a text call a function whose name it does not spell. */
const CAN_HIDE_NAMES = /\\u|\beval\b|\bFunction\b|\bglobalThis\b|\bconstructor\b/;

/** Host functions among the names that a script takes from the global scope. */
export function hostCallsAmong(globals: ReadonlySet<string>): string[] {
  return HOST_CALLS.filter((name) => globals.has(name));
}

/** Host functions that a script may call as far as its text tells: too many rather than too few. */
export function hostCallsIn(script: string): string[] {
  if (CAN_HIDE_NAMES.test(script)) return [...HOST_CALLS];
  return HOST_CALLS.filter((name) => new RegExp(`\\b${name}\\b`).test(script));
}

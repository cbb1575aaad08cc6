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

/**
 * What lets a text call a function whose name it does not spell: code made of text, the global object, and `this` that
 * is anything but the object of a plain property. `f.call(this)` hands it to a function whose text has a `this` too.
 */
const CAN_HIDE_NAMES =
  /\\u|\\x|\beval\b|\bFunction\b|\bglobalThis\b|\bconstructor\b|\bwith\b|\bReflect\b|(?<!\.call\()\bthis\b(?!\s*\.\s*[a-zA-Z_$])/;

/** Host functions among the names that a script takes from the global scope. */
export function hostCallsAmong(globals: ReadonlySet<string>): string[] {
  return HOST_CALLS.filter((name) => globals.has(name));
}

/** Host functions that a script may call as far as its text tells: too many rather than too few. */
export function hostCallsIn(script: string): string[] {
  if (CAN_HIDE_NAMES.test(script)) return [...HOST_CALLS];
  return HOST_CALLS.filter((name) => new RegExp(`\\b${name}\\b`).test(script));
}

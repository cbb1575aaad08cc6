/** JSON values as JSON.stringify would write them: undefined, functions and symbols are absent, NaN and Infinity are null. */

/** Steps that one comparison may still take, over all of its parts: what keeps a hostile document from costing seconds. */
export class WorkBudget {
  #steps: number;
  constructor(steps: number) {
    this.#steps = steps;
  }
  get exhausted(): boolean {
    return this.#steps <= 0;
  }
  spend(steps: number): void {
    this.#steps -= steps;
  }
}

export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isContainer = (value: unknown): value is JsonObject | unknown[] =>
  typeof value === 'object' && value !== null;

export const isAbsent = (value: unknown): boolean =>
  value === undefined || typeof value === 'function' || typeof value === 'symbol';

/** The property as JSON has it: own ones only, so that `__proto__` is a key like any other. */
export const property = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) && !isAbsent(object[key]) ? object[key] : undefined;

export const presentKeys = (object: JsonObject): string[] =>
  Object.keys(object).filter((key) => !isAbsent(object[key]));

const scalar = (value: unknown): unknown =>
  isAbsent(value) || (typeof value === 'number' && !Number.isFinite(value)) ? null : value;

/**
 * Whether two values are the same JSON. Never overflows the stack. False, too, when the budget ran out: who asks must
 * be right with "different" for values that are equal.
 */
export function sameJson(left: unknown, right: unknown, budget: WorkBudget): boolean {
  const pairs: unknown[] = [left, right];
  while (pairs.length > 0) {
    budget.spend(1);
    if (budget.exhausted) return false;
    const b = pairs.pop();
    const a = pairs.pop();
    if (a === b) continue;
    if (!isContainer(a) || !isContainer(b)) {
      if (scalar(a) !== scalar(b)) return false;
    } else {
      const before = pairs.length;
      const sameShape = pushParts(a, b, pairs);
      budget.spend((pairs.length - before) / 2);
      if (!sameShape) return false;
    }
  }
  return true;
}

/** False when they differ by shape alone. */
function pushParts(a: JsonObject | unknown[], b: JsonObject | unknown[], pairs: unknown[]): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) pairs.push(a[index], b[index]);
    return true;
  }
  const keys = presentKeys(a);
  if (keys.length !== presentKeys(b).length) return false;
  for (const key of keys) {
    const value = property(b, key);
    if (value === undefined) return false;
    pairs.push(a[key], value);
  }
  return true;
}

/** About the bytes of a value's JSON; stops counting beyond `limit`. Never overflows the stack. */
export function jsonSize(value: unknown, limit: number, budget: WorkBudget): number {
  const waiting: unknown[] = [value];
  let size = 0;
  while (waiting.length > 0 && size <= limit) {
    budget.spend(1);
    const next = waiting.pop();
    size += typeof next === 'string' ? next.length + 3 : 4;
    if (Array.isArray(next)) for (const element of next) waiting.push(element);
    else if (isObject(next)) for (const key of presentKeys(next)) waiting.push(key, next[key]);
  }
  return size;
}

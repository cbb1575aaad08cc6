import {
  isAbsent,
  isContainer,
  isObject,
  type JsonObject,
  jsonSize,
  presentKeys,
  property,
  sameJson,
  WorkBudget,
} from './json-value.ts';
import { listEdits } from './list-edits.ts';
import type { PatchOperation } from './verdict.ts';

/** Differences that lie deeper replace the part at this depth: the recursion stays far from the end of the stack. */
const MAX_DEPTH = 500;

/** Values that are looked at in one diff: about 0.1 s. What is left then is replaced without a look. */
const MAX_STEPS = 2_000_000;

/** A list whose operations are so many is replaced, when that is shorter. Below, they are kept: people read them. */
const MANY_OPERATIONS = 32;
const WORTH_BYTES = 1024;

interface Work {
  operations: PatchOperation[];
  budget: WorkBudget;
}

/**
 * The JSON Patch (RFC 6902: add, remove, replace) that makes `after` of `before`; empty when they are the same JSON.
 * What JSON does not write (undefined, functions) is absent, in lists null. Time and the number of operations are
 * bounded: what is too large to compare is replaced. The operations share values with `after`; neither is changed.
 */
export function diff(before: unknown, after: unknown): PatchOperation[] {
  if (isAbsent(after)) return [];
  const work: Work = { operations: [], budget: new WorkBudget(MAX_STEPS) };
  diffValue(before, after, '', 0, work);
  return work.operations;
}

function diffValue(before: unknown, after: unknown, path: string, depth: number, work: Work): void {
  const sameKind = isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after);
  if (!sameKind || depth >= MAX_DEPTH || work.budget.exhausted) {
    if (!sameJson(before, after, work.budget)) work.operations.push({ op: 'replace', path, value: jsonValue(after) });
  } else if (Array.isArray(before) && Array.isArray(after)) diffList(before, after, path, depth, work);
  else if (isObject(before) && isObject(after)) diffObject(before, after, path, depth, work);
}

function diffObject(before: JsonObject, after: JsonObject, path: string, depth: number, work: Work): void {
  const keys = presentKeys(after);
  work.budget.spend(keys.length);
  for (const key of keys) {
    const old = property(before, key);
    const at = `${path}/${escapeToken(key)}`;
    if (old === undefined) work.operations.push({ op: 'add', path: at, value: after[key] });
    else diffValue(old, after[key], at, depth + 1, work);
  }
  for (const key of presentKeys(before)) {
    if (property(after, key) === undefined) work.operations.push({ op: 'remove', path: `${path}/${escapeToken(key)}` });
  }
}

function diffList(before: unknown[], after: unknown[], path: string, depth: number, work: Work): void {
  const first = work.operations.length;
  // From the end to the start: an index that is still to come is then not moved by what was done.
  for (const edit of listEdits(before, after, work.budget).reverse()) {
    const at = `${path}/${edit.from}`;
    if (edit.kind === 'change') diffValue(before[edit.from], after[edit.to], at, depth + 1, work);
    else if (edit.kind === 'remove') work.operations.push({ op: 'remove', path: at });
    else work.operations.push({ op: 'add', path: at, value: jsonValue(after[edit.to]) });
  }
  if (shorterToReplace(work, first, after)) {
    work.operations.length = first;
    work.operations.push({ op: 'replace', path, value: after });
  }
}

function shorterToReplace({ operations, budget }: Work, first: number, after: unknown[]): boolean {
  if (operations.length - first <= MANY_OPERATIONS) return false;
  if (budget.exhausted) return true;
  let size = 0;
  for (let index = first; index < operations.length; index++) size += jsonSize(operations[index], Infinity, budget);
  return jsonSize(after, size, budget) + WORTH_BYTES < size;
}

/** As it stands in a list. */
const jsonValue = (value: unknown): unknown => (isAbsent(value) ? null : value);

/** RFC 6901: `~` first, or the tilde of `~1` would be escaped again. */
const escapeToken = (key: string): string => (/[~/]/.test(key) ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key);

import { isObject, sameJson, type WorkBudget } from './json-value.ts';

/** One step from a list to another one. Indexes count in the lists as they were. */
export type ListEdit =
  | { kind: 'change'; from: number; to: number }
  | { kind: 'remove'; from: number }
  /** Element `to` of the new list goes before element `from` of the old one. */
  | { kind: 'insert'; from: number; to: number };

/** Cells of the table that aligns two lists; larger ones are paired by position. 250,000 cells take some 5 ms. */
const MAX_CELLS = 250_000;

// An element that changed costs more than one that was added and less than one removed and one added. So
// [b, c] -> [c, d] is a removal and an addition, and [a, b] -> [b, a] is two changes.
const ADDED_OR_REMOVED = 2;
const CHANGED = 3;
// Elements of Kubernetes lists are known by their name: one that changed stays itself when others move around it.
const CHANGED_WITH_SAME_NAME = 1;

/** The edits between two lists, ordered by place. Elements that stay are not told. */
export function listEdits(before: unknown[], after: unknown[], budget: WorkBudget): ListEdit[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && sameJson(before[start], after[start], budget)) start++;
  let end = 0;
  while (end < shorter - start && sameJson(before.at(-1 - end), after.at(-1 - end), budget)) end++;
  const old = before.slice(start, before.length - end);
  const young = after.slice(start, after.length - end);
  const edits =
    old.length * young.length > MAX_CELLS ? byPosition(old.length, young.length) : align(old, young, budget);
  for (const edit of edits) {
    edit.from += start;
    if (edit.kind !== 'remove') edit.to += start;
  }
  return edits;
}

function byPosition(oldLength: number, youngLength: number): ListEdit[] {
  const edits: ListEdit[] = [];
  for (let index = 0; index < Math.max(oldLength, youngLength); index++) {
    if (index >= youngLength) edits.push({ kind: 'remove', from: index });
    else if (index >= oldLength) edits.push({ kind: 'insert', from: oldLength, to: index });
    else edits.push({ kind: 'change', from: index, to: index });
  }
  return edits;
}

/** Edit distance, after Wagner and Fischer; costs[i * width + j] is the cheapest way from old[i..] to young[j..]. */
function align(old: unknown[], young: unknown[], budget: WorkBudget): ListEdit[] {
  const width = young.length + 1;
  const costs = new Uint32Array((old.length + 1) * width);
  const change = new Uint8Array(old.length * width);
  for (let i = old.length; i >= 0; i--) {
    for (let j = young.length; j >= 0; j--) {
      const cell = i * width + j;
      if (i === old.length) costs[cell] = (young.length - j) * ADDED_OR_REMOVED;
      else if (j === young.length) costs[cell] = (old.length - i) * ADDED_OR_REMOVED;
      else {
        change[cell] = changeCost(old[i], young[j], budget);
        costs[cell] = cheapest(costs, cell, width, change[cell] ?? CHANGED);
      }
    }
  }
  return walk(costs, change, old.length, young.length);
}

function cheapest(costs: Uint32Array, cell: number, width: number, change: number): number {
  const step = ADDED_OR_REMOVED + Math.min(costs[cell + 1] ?? 0, costs[cell + width] ?? 0);
  return Math.min(step, change + (costs[cell + width + 1] ?? 0));
}

function changeCost(before: unknown, after: unknown, budget: WorkBudget): number {
  if (sameJson(before, after, budget)) return 0;
  const named = isObject(before) && isObject(after) && typeof before['name'] === 'string';
  return named && before['name'] === after['name'] ? CHANGED_WITH_SAME_NAME : CHANGED;
}

function walk(costs: Uint32Array, change: Uint8Array, oldLength: number, youngLength: number): ListEdit[] {
  const width = youngLength + 1;
  const edits: ListEdit[] = [];
  let i = 0;
  let j = 0;
  while (i < oldLength || j < youngLength) {
    const cell = i * width + j;
    const cost = costs[cell];
    if (i < oldLength && j < youngLength && cost === (change[cell] ?? 0) + (costs[cell + width + 1] ?? 0)) {
      if (change[cell] !== 0) edits.push({ kind: 'change', from: i, to: j });
      i++;
      j++;
    } else if (i < oldLength && cost === ADDED_OR_REMOVED + (costs[cell + width] ?? 0)) {
      edits.push({ kind: 'remove', from: i });
      i++;
    } else {
      edits.push({ kind: 'insert', from: i, to: j });
      j++;
    }
  }
  return edits;
}

interface Operation {
  op: string;
  path: string;
  value?: unknown;
}

/** The value after add, replace and remove operations of a JSON Patch. Throws for any other, and for a missing parent. */
export function patched(value: unknown, operations: readonly Operation[]): unknown {
  const root = { value: structuredClone(value) };
  for (const operation of operations) apply(root, operation);
  return root.value;
}

function apply(root: { value: unknown }, { op, path, value }: Operation): void {
  const keys = ['value', ...path.split('/').slice(1).map(unescaped)];
  const last = keys.pop() as string;
  let parent: unknown = root;
  for (const key of keys) parent = (parent as Record<string, unknown>)[key];
  if (typeof parent !== 'object' || parent === null) throw new Error(`the patch has a path to nowhere: ${path}`);
  if (Array.isArray(parent)) applyToList(parent, op, last, value);
  else if (op === 'remove') delete (parent as Record<string, unknown>)[last];
  else if (op === 'add' || op === 'replace') (parent as Record<string, unknown>)[last] = value;
  else throw new Error(`an operation that was not expected: ${op}`);
}

function applyToList(list: unknown[], op: string, key: string, value: unknown): void {
  const index = key === '-' ? list.length : Number(key);
  if (op === 'add') list.splice(index, 0, value);
  else if (op === 'replace') list[index] = value;
  else if (op === 'remove') list.splice(index, 1);
  else throw new Error(`an operation that was not expected: ${op}`);
}

const unescaped = (key: string): string => key.replaceAll('~1', '/').replaceAll('~0', '~');

import type { PatchOperation } from '@jspolicy/policy';

/** The document with the operations of our own differ (add, remove, replace) applied; the given one is not changed. */
export function applyPatch(document: unknown, operations: PatchOperation[]): unknown {
  let result = structuredClone(document);
  for (const operation of operations) {
    const tokens = operation.path.split('/').slice(1).map(unescapeToken);
    if (tokens.length === 0) result = structuredClone(operation.value);
    else applyAt(result, tokens, operation);
  }
  return result;
}

const unescapeToken = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

function applyAt(document: unknown, tokens: string[], { op, value }: PatchOperation): void {
  const parent = tokens.slice(0, -1).reduce<unknown>((at, token) => (at as Record<string, unknown>)[token], document);
  const last = tokens.at(-1) ?? '';
  const copy = structuredClone(value);
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (op === 'add') parent.splice(index, 0, copy);
    else if (op === 'remove') parent.splice(index, 1);
    else parent[index] = copy;
    return;
  }
  const fields = parent as Record<string, unknown>;
  if (op === 'remove') delete fields[last];
  // Also for a key such as __proto__, which an assignment would take for something else.
  else Object.defineProperty(fields, last, { value: copy, writable: true, enumerable: true, configurable: true });
}

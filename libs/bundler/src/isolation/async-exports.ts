import { type AnyNode, propertyName } from '../syntax-tree.ts';
import { isReference, keyName, type Site } from './code-walk.ts';
import type { Binding } from './scope.ts';

/** The asynchronous functions of packages, as far as they can only be called by name from outside. */
export interface AsyncExports {
  /** Declarations that nothing but other asynchronous functions and these names lead to. */
  contained: ReadonlySet<AnyNode>;
  /** The property names that hand them out. */
  names: ReadonlySet<string>;
}

/**
 * A package that merely offers an asynchronous function does no harm to a policy that never names it: finds the
 * functions that are only declared, exported and called by their own kind.
 */
export function findAsyncExports(sites: readonly Site[]): AsyncExports {
  const declarations = new Map<Binding, AnyNode>();
  for (const { node, scope } of sites) {
    const binding =
      node.type === 'FunctionDeclaration' && node.async && node.id ? scope.lookup(node.id.name) : undefined;
    if (binding) declarations.set(binding, node);
  }
  const names = new Set<string>();
  for (const site of sites) {
    const binding =
      site.node.type === 'Identifier' && isReference(site) ? site.scope.lookup(site.node.name) : undefined;
    if (!binding || !declarations.has(binding) || site.inAsync || isPropertyOf(site)) continue;
    const name = exportedAs(site);
    if (name === undefined) declarations.delete(binding);
    else names.add(name);
  }
  return { contained: new Set(declarations.values()), names };
}

/** The name in `{ name: () => f }`, `{ name: f }` and `exports.name = f`. */
function exportedAs({ node, parents: [parent, above] }: Site): string | undefined {
  if (parent?.type === 'ArrowFunctionExpression' && parent.body === node) {
    return above?.type === 'Property' && above.value === parent ? keyName(above) : undefined;
  }
  if (parent?.type === 'Property' && parent.value === node) return keyName(parent);
  return parent?.type === 'AssignmentExpression' && parent.right === node
    ? propertyName(parent.left as AnyNode)
    : undefined;
}

/** `f.name = ...`: a property of the function, which is not called by that. */
function isPropertyOf({ node, parents: [parent] }: Site): boolean {
  if (parent?.type !== 'MemberExpression' || parent.object !== node) return false;
  const name = propertyName(parent);
  return name !== undefined && !['call', 'apply', 'bind'].includes(name);
}

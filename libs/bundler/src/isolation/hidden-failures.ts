import { type AnyNode, anyNode, isFunction, type Node, propertyName } from '../syntax-tree.ts';
import { isReference, keyName, type Site, skipChain, writeTargets } from './code-walk.ts';
import { WRITES_FIRST_ARGUMENT } from './globals.ts';
import type { Binding } from './scope.ts';
import type { Rule } from './shared-rules.ts';

/** A run that called one of these is not done again: it may have changed something. */
const NOT_REPEATED = new Set(['create', 'update', 'remove', 'fetchSync']);

/** Methods that fail at frozen objects, or call any other. `attempt` is how packages spell try. */
const FAILING = new Set([
  'assign',
  ...'call apply bind captureStackTrace copyWithin fill pop push reverse shift sort splice unshift'.split(' '),
]);

/** They tell what is frozen, which a kept context has more of. Elsewhere such a run is made anew. */
const TELLING = new Set([
  ...'isFrozen isSealed isExtensible getOwnPropertyDescriptor getOwnPropertyDescriptors'.split(' '),
  '__lookupGetter__',
  '__lookupSetter__',
]);

/** Afterwards a write to the policy's own object fails in strict code too, and does nothing in other code. */
const LIMITING = new Set([...WRITES_FIRST_ARGUMENT].filter((name) => name !== 'assign'));

/**
 * Kept code is strict, and what a fresh context brings is frozen there: a write to it fails, wherever the value came
 * from, and what fails is evaluated again in a fresh context. So writes need no rule of their own, except where the text
 * may hide the failure or cannot be evaluated again. There it may write to what it certainly made itself, and nowhere else.
 */
export function hiddenFailureRules(sites: readonly Site[]): readonly Rule[] {
  const hider = sites.find(canHide)?.node;
  const writer = sites.find(isNotRepeated)?.node;
  if (!hider && !writer) return [];
  const own = ownObjects(sites);
  const functionNames = new Set(sites.map(functionName));
  const functions = new Set(sites.map(({ node }) => node).filter(isFunction));
  const regions = sites.map(({ node }) => node).filter(isRegion);
  /** Statements outside of all functions and before or after a `try` are not inside of it. */
  const mayBeInside = ({ node, within }: Site): boolean =>
    (within !== undefined && functions.has(within)) ||
    regions.some(({ start, end }) => start <= node.start && node.end <= end);
  const why = writer ? 'a write in code that cannot be evaluated again' : 'a write whose failure may be hidden';
  return [
    ({ node }) => {
      const name = writer ? propertyName(node) : undefined;
      return name !== undefined && TELLING.has(name) ? `${name} in code that cannot be evaluated again` : undefined;
    },
    (site) =>
      limits(site) || ((writer || mayBeInside(site)) && (mayFail(site, own) || writesName(site, functionNames)))
        ? why
        : undefined,
  ];
}

/** `return` of an iterator is called when a loop fails, and a policy may end there. */
function canHide({ node }: Site): boolean {
  if (node.type === 'TryStatement' || propertyName(node) === 'attempt') return true;
  if (node.type === 'VariableDeclaration') return /using/.test(node.kind);
  const name = keyName(node);
  return name === 'return' || name === 'attempt';
}

function isNotRepeated(site: Site): boolean {
  const { node, scope } = site;
  return node.type === 'Identifier' && NOT_REPEATED.has(node.name) && isReference(site) && !scope.lookup(node.name);
}

/** A loop: it tells an iterator when its body fails. */
function isRegion({ type }: AnyNode): boolean {
  return type === 'TryStatement' || type === 'ForOfStatement';
}

/** A function expression's own name is a constant, which sloppy code does not tell. */
function functionName({ node }: Site): string | undefined {
  return node.type === 'FunctionExpression' ? node.id?.name : undefined;
}

function writesName({ node }: Site, names: ReadonlySet<string | undefined>): boolean {
  return writeTargets(node).some((target) => target.type === 'Identifier' && names.has(target.name));
}

function limits({ node }: Site): boolean {
  return LIMITING.has(propertyName(node) ?? '');
}

/** No accessor, and no other prototype. */
function isPlain(property: Node): boolean {
  const node = anyNode(property);
  return node.type !== 'Property' || (node.kind === 'init' && !node.computed && keyName(node) !== '__proto__');
}

function mayFail({ node, scope, parents }: Site, own: ReadonlyMap<Binding, AnyNode>): boolean {
  const isOwn = (object: AnyNode, key?: AnyNode): boolean => {
    const made = object.type === 'Identifier' ? own.get(scope.lookup(object.name) as Binding) : object;
    if (made?.type === 'ObjectExpression') return made.properties.every(isPlain);
    return made?.type === 'ArrayExpression' && (!key || (key.type === 'Literal' && typeof key.value === 'number'));
  };
  for (const target of writeTargets(node)) {
    if (target.type === 'Identifier' && !scope.lookup(target.name)) return true;
    if (target.type === 'MemberExpression' && !isOwn(anyNode(target.object), anyNode(target.property))) return true;
  }
  if (node.type === 'PropertyDefinition') return !node.static;
  const name = propertyName(node);
  if (node.type !== 'MemberExpression' || name === undefined || !FAILING.has(name)) return false;
  const [call] = parents;
  if (call?.type !== 'CallExpression' || call.callee !== node) return true;
  const first = call.arguments[0];
  const object = skipChain(anyNode(node.object));
  if (object.type === 'Identifier' && object.name === 'Object') return !first || !isOwn(anyNode(first));
  return !isOwn(object) && !isNewList(object);
}

/** Methods that give a list of their own, to sort for one. */
const LIST_MAKERS = new Set('entries filter flatMap keys map slice split'.split(' '));

function isNewList(node: AnyNode): boolean {
  return node.type === 'CallExpression' && LIST_MAKERS.has(propertyName(skipChain(anyNode(node.callee))) ?? '');
}

/** Constants, and names that are given nothing else, with the literal that they are. */
function ownObjects(sites: readonly Site[]): Map<Binding, AnyNode> {
  const own = new Map<Binding, AnyNode>();
  for (const { node, scope } of sites) {
    if (node.type !== 'VariableDeclaration' || node.kind === 'var') continue;
    for (const { id, init } of node.declarations) {
      const binding = id.type === 'Identifier' ? scope.lookup(id.name) : undefined;
      if (binding && init) own.set(binding, anyNode(init));
    }
  }
  for (const { node, scope } of sites) {
    for (const target of writeTargets(node)) {
      const binding = target.type === 'Identifier' ? scope.lookup(target.name) : undefined;
      if (binding) own.delete(binding);
    }
  }
  return own;
}

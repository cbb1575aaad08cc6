import { type AnyNode, anyNode, constantText, propertyName } from '../syntax-tree.ts';
import { isReference, rootOf, type Site, skipChain, writeTargets } from './code-walk.ts';
import { GLOBAL_OBJECTS, isBuiltinGlobal, WRITES_FIRST_ARGUMENT } from './globals.ts';
import { asynchronousCode, type Rule, regexpStatics, withStatement } from './shared-rules.ts';

/** Built-ins that run code later, keep what nobody else keeps, or make code of text. */
const FORBIDDEN = new Set(['eval', 'Promise', 'WeakRef', 'FinalizationRegistry', 'Proxy', 'queueMicrotask']);

const forbiddenGlobal: Rule = (site) => {
  const { node, parents, scope } = site;
  if (node.type !== 'Identifier' || !FORBIDDEN.has(node.name)) return undefined;
  if (!isReference(site) || scope.lookup(node.name)) return undefined;
  return parents[0]?.type === 'UnaryExpression' && parents[0].operator === 'typeof' ? undefined : node.name;
};

/** `Function("return this")()` is how older packages find the global object; any other text is code. */
const functionConstructor: Rule = ({ node, scope }) => {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  const callee = anyNode(node.callee);
  if (callee.type !== 'Identifier' || callee.name !== 'Function' || scope.lookup('Function')) return undefined;
  const [text, ...more] = node.arguments;
  return text && more.length === 0 && constantText(anyNode(text)) === 'return this' ? undefined : 'Function()';
};

/** `x.constructor.constructor` is Function by another name. */
const constructorWalk: Rule = ({ node }) => {
  if (node.type !== 'MemberExpression' || propertyName(node) !== 'constructor') return undefined;
  return propertyName(skipChain(anyNode(node.object))) === 'constructor' ? '.constructor.constructor' : undefined;
};

const protoWrite: Rule = ({ node }) =>
  writeTargets(node).some((target) => propertyName(target) === '__proto__') ? 'a write to __proto__' : undefined;

/** Packages may keep state of their own, but what a fresh context brings stays as it is. */
const builtinWrite: Rule = (site) => {
  for (const target of writeTargets(site.node)) {
    const name = sharedRoot(target, site);
    if (name) return `a write to ${name}`;
  }
  return undefined;
};

const writingCall: Rule = (site) => {
  const { node } = site;
  if (
    node.type !== 'CallExpression' ||
    !WRITES_FIRST_ARGUMENT.has(propertyName(skipChain(anyNode(node.callee))) ?? '')
  ) {
    return undefined;
  }
  const callee = rootOf(anyNode(node.callee));
  const first = node.arguments[0];
  const isObject = callee.type === 'Identifier' && (callee.name === 'Object' || callee.name === 'Reflect');
  const name = first && isObject ? sharedRoot(skipChain(anyNode(first)), site) : undefined;
  return name ? `a write to ${name}` : undefined;
};

function sharedRoot(target: AnyNode, { scope }: Site): string | undefined {
  const root = rootOf(target);
  if (root.type !== 'Identifier' || scope.lookup(root.name)) return undefined;
  return isBuiltinGlobal(root.name) || GLOBAL_OBJECTS.has(root.name) ? `the global ${root.name}` : undefined;
}

/** Apply outside of asynchronous functions, which are judged as wholes. */
export const SYNCHRONOUS_RULES: readonly Rule[] = [asynchronousCode, forbiddenGlobal];

/** Looser than those for a policy's own code: a package's state lives as long as its context. */
export const DEPENDENCY_RULES: readonly Rule[] = [
  withStatement,
  regexpStatics,
  functionConstructor,
  constructorWalk,
  protoWrite,
  builtinWrite,
  writingCall,
];

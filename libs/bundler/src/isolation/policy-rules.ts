import { type AnyNode, anyNode, constantText, isFunction, propertyName } from '../syntax-tree.ts';
import { isReference, keyName, rootOf, type Site, skipChain, writeTargets } from './code-walk.ts';
import {
  isBuiltinGlobal,
  POLICY_GLOBALS,
  SAFE_MEMBERS,
  SAFE_VALUES,
  SHARED_PROPERTIES,
  WRITES_FIRST_ARGUMENT,
} from './globals.ts';
import { PACKAGE_RULES } from './package-rules.ts';
import { asynchronousCode, type Rule, regexpStatics, withStatement } from './shared-rules.ts';

/** `this` of a sloppy function may be the global object. */
const sloppyThis: Rule = ({ node, strict }) =>
  node.type === 'ThisExpression' && !strict ? 'this, which may be the global object' : undefined;

/** Kept code is strict: these do something else there, and do not fail. */
const sloppyMeaning: Rule = (site) => {
  const { node, parents, strict } = site;
  if (strict) return undefined;
  if (node.type === 'Identifier' && node.name === 'arguments' && isReference(site)) return 'arguments';
  if (node.type !== 'FunctionDeclaration') return undefined;
  const [block, owner] = parents;
  const isAtTop = block?.type === 'Program' || (block?.type === 'BlockStatement' && owner && isFunction(owner));
  return isAtTop ? undefined : 'a function declared in a block';
};

/** A global name is used only in the ways that are known to leave nothing behind. */
const globalUse: Rule = (site) => {
  const { node, parents, scope } = site;
  if (node.type !== 'Identifier' || !isReference(site) || scope.lookup(node.name)) return undefined;
  const { name } = node;
  if (name.startsWith('__')) return name;
  if (POLICY_GLOBALS.has(name) || !isBuiltinGlobal(name)) return undefined;
  const parent = parents[0];
  if (parent?.type === 'MemberExpression' && parent.object === node) {
    const member = propertyName(parent);
    const safe = SAFE_MEMBERS[name];
    if (member !== undefined && (safe === 'all' || safe?.has(member)) && !SHARED_PROPERTIES.has(member))
      return undefined;
    return isBorrowedMethod(parents) ? undefined : `${name}${member === undefined ? '[...]' : `.${member}`}`;
  }
  if (!SAFE_VALUES.has(name))
    return parent?.type === 'UnaryExpression' && parent.operator === 'typeof' ? undefined : name;
  return isAlias(node, parent) ? `${name} under another name` : undefined;
};

/** `Object.prototype.hasOwnProperty.call(...)`: the method is called and goes nowhere. */
function isBorrowedMethod([prototype, method, call]: readonly AnyNode[]): boolean {
  if (prototype?.type !== 'MemberExpression' || propertyName(prototype) !== 'prototype') return false;
  if (method?.type !== 'MemberExpression' || method.object !== prototype) return false;
  const name = propertyName(method);
  if (name === undefined || SHARED_PROPERTIES.has(name)) return false;
  return call?.type === 'MemberExpression' && /^(?:call|apply)$/.test(propertyName(call) ?? '');
}

/** Values like undefined and NaN have no members that one could write to. */
const PLAIN_VALUES = new Set(['undefined', 'NaN', 'Infinity']);

function isAlias(node: AnyNode, parent: AnyNode | undefined): boolean {
  if (node.type === 'Identifier' && PLAIN_VALUES.has(node.name)) return false;
  if (parent?.type === 'VariableDeclarator') return parent.init === node;
  if (parent?.type === 'AssignmentExpression' || parent?.type === 'AssignmentPattern') return parent.right === node;
  return parent?.type === 'Property' || parent?.type === 'ReturnStatement' || parent?.type === 'ArrayExpression';
}

/** `constructor`, `__proto__` and `prototype` lead to what all values share. */
const sharedProperty: Rule = ({ node, parents, scope }) => {
  const name = propertyName(node) ?? (parents[0]?.type === 'ObjectPattern' ? keyName(node) : undefined);
  if (name === undefined || !SHARED_PROPERTIES.has(name)) return undefined;
  const object = node.type === 'MemberExpression' ? anyNode(node.object) : undefined;
  if (name === 'prototype' && object?.type === 'Identifier') {
    if (scope.lookup(object.name)?.fromModule === false || isBorrowedMethod([node, ...parents])) return undefined;
  }
  return `.${name}`;
};

/** A function by a computed name: it may be any that the object inherits. */
const computedCall: Rule = ({ node }) => {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  const callee = skipChain(anyNode(node.callee));
  if (callee.type !== 'MemberExpression' || !callee.computed) return undefined;
  return constantText(anyNode(callee.property)) === undefined ? 'a call by a computed name' : undefined;
};

/** Writes go to what this request made, or to names that did not exist before. */
const foreignWrite: Rule = (site) => {
  for (const target of writeTargets(site.node)) {
    const reason = writeReason(target, site);
    if (reason) return reason;
  }
  return undefined;
};

/** Names at prototypes that cannot be made assignable there, because V8's fast paths watch them. */
const WATCHED_NAMES = new Set(['then', 'exec', 'flags', 'next', 'resolve']);

function writeReason(target: AnyNode, { node, scope }: Site): string | undefined {
  const name = target.type === 'MemberExpression' ? propertyName(target) : undefined;
  if (name !== undefined && WATCHED_NAMES.has(name)) return `a write to .${name}`;
  const root = rootOf(target);
  if (root.type !== 'Identifier') return undefined;
  const binding = scope.lookup(root.name);
  if (binding)
    return binding.fromModule && target.type === 'MemberExpression'
      ? `a write to the package behind ${root.name}`
      : undefined;
  if (target.type === 'Identifier') {
    if (node.type === 'UnaryExpression') return `delete ${root.name}`;
    const exists = POLICY_GLOBALS.has(root.name) || isBuiltinGlobal(root.name);
    return exists ? `a write to the global ${root.name}` : undefined;
  }
  return root.name === 'request' ? undefined : `a write to a member of the global ${root.name}`;
}

/** `Object.assign(x, ...)` and its kin write to x. */
const writingCall: Rule = (site) => {
  const { node } = site;
  if (node.type !== 'CallExpression') return undefined;
  const callee = skipChain(anyNode(node.callee));
  const first = node.arguments[0];
  const name = propertyName(callee);
  if (!first || name === undefined || !WRITES_FIRST_ARGUMENT.has(name) || rootName(callee) !== 'Object')
    return undefined;
  const target = skipChain(anyNode(first));
  if (target.type === 'Identifier' && site.scope.lookup(target.name)?.fromModule) return `Object.${name} on a package`;
  if (target.type === 'Identifier' && !site.scope.lookup(target.name)) {
    return target.name === 'request' ? undefined : `Object.${name} on the global ${target.name}`;
  }
  return writeReason(target, site);
};

function rootName(node: AnyNode): string | undefined {
  const root = rootOf(node);
  return root.type === 'Identifier' ? root.name : undefined;
}

/** The policy's own code is kept only when none of these says a word. */
export const POLICY_RULES: readonly Rule[] = [
  asynchronousCode,
  withStatement,
  regexpStatics,
  sloppyThis,
  sloppyMeaning,
  globalUse,
  sharedProperty,
  computedCall,
  foreignWrite,
  writingCall,
  ...PACKAGE_RULES,
];

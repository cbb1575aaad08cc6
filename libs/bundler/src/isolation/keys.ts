import { type AnyNode, anyNode, constantText, propertyName } from '../syntax-tree.ts';
import { rootOf, skipChain } from './code-walk.ts';
import type { Binding, Scope } from './scope.ts';

/** The text that an expression certainly is: literals, their sums, and names that are given nothing else. */
export function textOf(node: AnyNode, scope: Scope, depth = 0): string | undefined {
  if (depth > 50) return undefined;
  const inner = skipChain(node);
  const text = constantText(inner);
  if (text !== undefined) return text;
  if (inner.type === 'BinaryExpression' && inner.operator === '+')
    return joined([anyNode(inner.left), anyNode(inner.right)], scope, depth);
  if (inner.type === 'TemplateLiteral') {
    const parts = inner.quasis.map(({ value }) => value.cooked ?? '');
    const values = inner.expressions.map((value) => textOf(anyNode(value), scope, depth + 1));
    if (values.includes(undefined)) return undefined;
    return parts.map((part, index) => part + (values[index] ?? '')).join('');
  }
  if (inner.type !== 'Identifier') return undefined;
  const source = onlySource(scope.lookup(inner.name));
  return source && textOf(source, scope, depth + 1);
}

function joined(nodes: AnyNode[], scope: Scope, depth: number): string | undefined {
  const parts = nodes.map((node) => textOf(node, scope, depth + 1));
  return parts.includes(undefined) ? undefined : parts.join('');
}

/** The one expression that a name is ever given. */
export function onlySource(binding: Binding | undefined): AnyNode | undefined {
  return binding && !binding.opaque && binding.sources.length === 1 ? binding.sources[0] : undefined;
}

/** The property that a member expression names, when the text tells it. */
export function memberName(node: AnyNode, scope: Scope): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  return node.computed ? textOf(anyNode(node.property), scope) : propertyName(node);
}

/** The property that a key of a pattern, an object or a class names. */
export function keyText(node: AnyNode, scope: Scope): string | undefined {
  if (node.type !== 'Property' && node.type !== 'MethodDefinition' && node.type !== 'PropertyDefinition')
    return undefined;
  const key = anyNode(node.key);
  if (!node.computed && 'name' in key) return String(key.name);
  return node.computed ? textOf(key, scope) : constantText(key);
}

/** True when `object[key]` can only be an element or an own property, and nothing that the object inherits. */
export function isOwnKey(node: Extract<AnyNode, { type: 'MemberExpression' }>, scope: Scope, text: string): boolean {
  const key = anyNode(node.property);
  if (isNumber(key, scope)) return true;
  const binding = key.type === 'Identifier' ? scope.lookup(key.name) : undefined;
  if (!binding?.keyOf || binding.sources.length > 0) return false;
  const { object } = node;
  return binding.keyOf === text.slice(object.start, object.end) && isSteady(anyNode(object), scope);
}

/** The same text means the same object: its root is given one value. */
function isSteady(object: AnyNode, scope: Scope): boolean {
  const root = rootOf(object);
  if (root.type !== 'Identifier') return false;
  const binding = scope.lookup(root.name);
  return binding ? binding.sources.length + Number(binding.opaque) <= 1 : root.name === 'request';
}

const NUMBER_CALLS = new Set('Number parseInt parseFloat'.split(' '));
const NUMBER_METHODS = new Set('indexOf lastIndexOf findIndex findLastIndex charCodeAt'.split(' '));

function isNumber(node: AnyNode, scope: Scope, seen = new Set<Binding>()): boolean {
  const inner = skipChain(node);
  switch (inner.type) {
    case 'Literal':
      return typeof inner.value === 'number';
    case 'UnaryExpression':
      return ['-', '+', '~'].includes(inner.operator);
    case 'UpdateExpression':
      return true;
    case 'BinaryExpression':
      if (inner.operator !== '+') return /^(?:[-*/%&|^]|\*\*|<<|>>>?)$/.test(inner.operator);
      return isNumber(anyNode(inner.left), scope, seen) && isNumber(anyNode(inner.right), scope, seen);
    case 'AssignmentExpression':
      return inner.operator === '+='
        ? isNumber(anyNode(inner.right), scope, seen)
        : !/[|&?]{2}=|^=$/.test(inner.operator);
    case 'CallExpression':
      return isNumberCall(anyNode(inner.callee), scope);
    case 'Identifier':
      return isNumberBinding(scope.lookup(inner.name), scope, seen);
    default:
      return false;
  }
}

function isNumberCall(callee: AnyNode, scope: Scope): boolean {
  if (callee.type === 'Identifier') return NUMBER_CALLS.has(callee.name) && !scope.lookup(callee.name);
  if (callee.type !== 'MemberExpression') return false;
  const root = rootOf(callee);
  const name = propertyName(callee) ?? '';
  if (root.type === 'Identifier' && !scope.lookup(root.name)) {
    if (root.name === 'Math') return true;
    if (root.name === 'Number') return NUMBER_CALLS.has(name);
  }
  return NUMBER_METHODS.has(name) && isBuiltinReceiver(anyNode(callee.object), scope);
}

/** A list or a text for sure: what a policy makes itself may have an indexOf() of its own. */
function isBuiltinReceiver(object: AnyNode, scope: Scope): boolean {
  const root = rootOf(object);
  return root.type === 'Identifier' && root.name === 'request' && !scope.lookup('request');
}

function isNumberBinding(binding: Binding | undefined, scope: Scope, seen: Set<Binding>): boolean {
  if (!binding) return false;
  if (binding.isIndex) return binding.sources.length === 0;
  if (seen.has(binding)) return true;
  seen.add(binding);
  return (
    !binding.opaque && binding.sources.length > 0 && binding.sources.every((source) => isNumber(source, scope, seen))
  );
}

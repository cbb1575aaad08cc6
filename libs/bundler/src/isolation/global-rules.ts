import { type AnyNode, anyNode } from '../syntax-tree.ts';
import { isReference, type Site } from './code-walk.ts';
import { CALLBACK_METHODS } from './flow-steps.ts';
import {
  HANDS_OUT,
  INHERITED_GLOBALS,
  isBuiltinGlobal,
  isPlainValue,
  POLICY_GLOBALS,
  SAFE_MEMBERS,
  SAFE_VALUES,
  SHARED_PROPERTIES,
  TELLS_FROZEN,
  WRITES_FIRST_ARGUMENT,
} from './globals.ts';
import { keyText, memberName } from './keys.ts';
import type { Scope } from './scope.ts';
import type { FlowRule } from './shared-rules.ts';
import type { ValueFlow } from './value-flow.ts';

/** A global name is used only in the ways that are known to leave nothing behind. */
export const globalUse: FlowRule = (site, flow) => {
  const { node, parents, scope } = site;
  if (node.type !== 'Identifier' || !isReference(site) || scope.lookup(node.name)) return undefined;
  const { name } = node;
  if (name.startsWith('__')) return name;
  const [parent] = parents;
  if (isTypeof(parent)) return undefined;
  if (INHERITED_GLOBALS.has(name)) return isCalled(node, parents) ? undefined : `${name} of the global object`;
  if (POLICY_GLOBALS.has(name) || !isBuiltinGlobal(name)) return undefined;
  if (parent?.type === 'MemberExpression' && parent.object === node) return memberUse(name, site);
  if (!SAFE_VALUES.has(name)) return name;
  return isPlainValue(name) || isHarmless(node, parents, { scope, flow }) ? undefined : `${name} under another name`;
};

function isTypeof(parent: AnyNode | undefined): boolean {
  return parent?.type === 'UnaryExpression' && parent.operator === 'typeof';
}

/** `toString()` or `toString.call(x)`; constructor is a way to everything. */
function isCalled(node: AnyNode & { name: string }, [parent, above]: readonly AnyNode[]): boolean {
  if (node.name === 'constructor') return false;
  if (parent?.type === 'CallExpression') return parent.callee === node;
  return parent?.type === 'MemberExpression' && above?.type === 'CallExpression' && above.callee === parent;
}

function memberUse(name: string, { parents, scope }: Site): string | undefined {
  const [parent, above] = parents;
  const member = parent && memberName(parent, scope);
  const what = `${name}${member === undefined ? '[...]' : `.${member}`}`;
  const safe = SAFE_MEMBERS[name];
  if (member === undefined || !(safe === 'all' || safe?.has(member)) || SHARED_PROPERTIES.has(member))
    return isBorrowedMethod(parents, scope) ? undefined : what;
  if (name === 'Symbol') return isKey(parent, above) ? undefined : `${what} under another name`;
  if (!mustBeCalled(name, member)) return undefined;
  return above?.type === 'CallExpression' && above.callee === parent ? undefined : `${what} under another name`;
}

/** Whether it is harmless is told by its argument, which only a plain call shows. */
function mustBeCalled(name: string, member: string): boolean {
  if (name === 'Object') return WRITES_FIRST_ARGUMENT.has(member) || TELLS_FROZEN.has(member);
  return name === 'Error' && member === 'captureStackTrace';
}

/** A well-known symbol as a key in brackets: other uses could write to what cannot be made assignable. */
function isKey(symbol: AnyNode | undefined, above: AnyNode | undefined): boolean {
  if (above?.type === 'MemberExpression') return above.computed && above.property === symbol;
  const isKeyed =
    above?.type === 'Property' || above?.type === 'MethodDefinition' || above?.type === 'PropertyDefinition';
  return isKeyed && above.computed && above.key === symbol;
}

/** `Object.prototype.hasOwnProperty.call(...)`: the method is called and goes nowhere. */
export function isBorrowedMethod([prototype, method, call]: readonly AnyNode[], scope: Scope): boolean {
  if (prototype?.type !== 'MemberExpression' || memberName(prototype, scope) !== 'prototype') return false;
  if (method?.type !== 'MemberExpression' || method.object !== prototype) return false;
  const name = memberName(method, scope);
  if (name === undefined || SHARED_PROPERTIES.has(name) || HANDS_OUT.has(name)) return false;
  return call?.type === 'MemberExpression' && /^(?:call|apply)$/.test(memberName(call, scope) ?? '');
}

const COMPARISONS = new Set(['===', '!==', '==', '!=', 'instanceof']);

/** Called, made, extended, compared with, or given to a method that only calls it. */
function isHarmless(node: AnyNode, [parent]: readonly AnyNode[], around: { scope: Scope; flow: ValueFlow }): boolean {
  switch (parent?.type) {
    case 'NewExpression':
    case 'CallExpression':
      return (
        parent.callee === node || (parent.arguments.includes(node as never) && callsArgument(node, parent, around))
      );
    case 'ClassDeclaration':
    case 'ClassExpression':
      return parent.superClass === node;
    case 'BinaryExpression':
      return COMPARISONS.has(parent.operator);
    case 'ExpressionStatement':
      return true;
    default:
      return false;
  }
}

type Call = Extract<AnyNode, { type: 'CallExpression' | 'NewExpression' }>;

/** `list.map(String)`, `Array.from(list, Number)`; with a package, `_.map(list, Number)`. */
function callsArgument(
  node: AnyNode,
  { callee, arguments: given }: Call,
  { scope, flow }: { scope: Scope; flow: ValueFlow },
) {
  const method = anyNode(callee);
  const name = memberName(method, scope);
  if (method.type !== 'MemberExpression' || name === undefined || flow.ownNames.has(name)) return false;
  const { object } = method;
  if (name === 'from') return given[1] === node && object.type === 'Identifier' && !scope.lookup('Array');
  return CALLBACK_METHODS.has(name) && given.indexOf(node as never) <= 1;
}

/** `constructor`, `__proto__` and `prototype` lead to what all values share. */
export const sharedProperty: FlowRule = ({ node, parents, scope }, flow) => {
  const name = memberName(node, scope) ?? (parents[0]?.type === 'ObjectPattern' ? keyText(node, scope) : undefined);
  if (name === undefined) return undefined;
  const object = node.type === 'MemberExpression' ? anyNode(node.object) : undefined;
  if (HANDS_OUT.has(name)) return object?.type === 'Identifier' && object.name === 'Object' ? undefined : `.${name}`;
  if (!SHARED_PROPERTIES.has(name)) return undefined;
  if (name === 'prototype' && object?.type === 'Identifier') {
    if (scope.lookup(object.name) && flow.labels(object, scope) === 0) return undefined;
    if (isBorrowedMethod([node, ...parents], scope)) return undefined;
  }
  return `.${name}`;
};

import { type AnyNode, anyNode } from '../syntax-tree.ts';
import { rootOf, type Site, skipChain, writeTargets } from './code-walk.ts';
import { INHERITED_GLOBALS, isBuiltinGlobal, POLICY_GLOBALS, TELLS_FROZEN, WRITES_FIRST_ARGUMENT } from './globals.ts';
import { isOwnKey, memberName, onlySource } from './keys.ts';
import { BUILTIN, PACKAGE, WATCHED } from './labels.ts';
import type { FlowRule } from './shared-rules.ts';
import type { ValueFlow } from './value-flow.ts';

/** Writes go to what this request made, or to names that did not exist before. */
export const foreignWrite: FlowRule = (site, flow) => {
  for (const target of writeTargets(site.node)) {
    const reason = target.type === 'MemberExpression' ? memberWrite(target, site, flow) : nameWrite(target, site);
    if (reason) return reason;
  }
  return undefined;
};

function nameWrite(target: AnyNode, { node, scope }: Site): string | undefined {
  if (target.type !== 'Identifier' || scope.lookup(target.name)) return undefined;
  const { name } = target;
  if (node.type === 'UnaryExpression') return `delete ${name}`;
  const exists = POLICY_GLOBALS.has(name) || isBuiltinGlobal(name) || INHERITED_GLOBALS.has(name);
  return exists ? `a write to the global ${name}` : undefined;
}

/** Names at prototypes that cannot be made assignable there, because V8's fast paths watch them. */
const WATCHED_NAMES = new Set(['then', 'exec', 'flags', 'next', 'resolve']);

type Member = Extract<AnyNode, { type: 'MemberExpression' }>;

function memberWrite(target: Member, { scope }: Site, flow: ValueFlow): string | undefined {
  const name = memberName(target, scope);
  if (name !== undefined && WATCHED_NAMES.has(name)) return `a write to .${name}`;
  const symbol = target.computed ? rootOf(anyNode(target.property)) : undefined;
  if (symbol?.type === 'Identifier' && symbol.name === 'Symbol') return `a write to ${textAt(target, flow)}`;
  const base = anyNode(target.object);
  if (name === undefined && flow.labels(base, scope) & WATCHED && !isOwnKey(target, scope, flow.text))
    return `a write by a computed name to ${textAt(base, flow)}, which may be a regular expression or an iterator`;
  const global = unknownGlobal(base, { scope });
  if (global !== undefined) return `a write to a member of the global ${global}`;
  return sharedValue(base, { scope }, flow, 'a write to');
}

/** The name without a declaration that an expression starts at. */
function unknownGlobal(node: AnyNode, { scope }: Pick<Site, 'scope'>): string | undefined {
  const root = rootOf(node);
  if (root.type !== 'Identifier' || scope.lookup(root.name) || root.name === 'request') return undefined;
  return root.name;
}

function sharedValue(node: AnyNode, { scope }: Pick<Site, 'scope'>, flow: ValueFlow, what: string): string | undefined {
  const labels = flow.labels(node, scope);
  const root = rootOf(node);
  if (labels & PACKAGE)
    return root.type === 'Identifier' ? `${what} the package behind ${root.name}` : `${what} a package`;
  return labels & BUILTIN ? `${what} ${textAt(node, flow)}, which may be a built-in object` : undefined;
}

const MAX_EXCERPT_LENGTH = 60;

function textAt(node: AnyNode, { text }: ValueFlow): string {
  const excerpt = text.slice(node.start, node.end).replaceAll(/\s+/g, ' ');
  return excerpt.length > MAX_EXCERPT_LENGTH ? `${excerpt.slice(0, MAX_EXCERPT_LENGTH)}...` : excerpt;
}

/** `Object.assign(x, ...)` and its kin write to x. */
export const writingCall: FlowRule = (site, flow) => {
  const { node, scope } = site;
  if (node.type !== 'CallExpression') return undefined;
  const callee = skipChain(anyNode(node.callee));
  const name = memberName(callee, scope);
  const first = node.arguments[0] && skipChain(anyNode(node.arguments[0]));
  if (callee.type !== 'MemberExpression' || name === undefined || !first) return undefined;
  const object = anyNode(callee.object);
  if (name === 'call' || name === 'apply') return borrowedMutator(object, first, site, flow);
  if (!writesFirst(name)) return undefined;
  if (object.type !== 'Identifier' || scope.lookup(object.name) || !isBuiltinGlobal(object.name))
    return sharedValue(object, site, flow, `.${name}() of`);
  if (first.type === 'SpreadElement') return `${object.name}.${name} on what a list holds`;
  const global = unknownGlobal(first, site);
  if (global !== undefined) return `${object.name}.${name} on the global ${global}`;
  return sharedValue(first, site, flow, `${object.name}.${name} on`);
};

const writesFirst = (name: string): boolean =>
  WRITES_FIRST_ARGUMENT.has(name) || TELLS_FROZEN.has(name) || name === 'captureStackTrace';

const MUTATORS = new Set('copyWithin fill pop push reverse shift sort splice unshift'.split(' '));

/** `[].push.call(x, 1)` writes to x. */
function borrowedMutator(method: AnyNode, first: AnyNode, site: Site, flow: ValueFlow): string | undefined {
  const name = memberName(method, site.scope);
  return name !== undefined && MUTATORS.has(name) ? sharedValue(first, site, flow, `.${name}() on`) : undefined;
}

/** Functions of lodash and its like that write to their first argument. */
const PACKAGE_WRITERS = new Set(
  'assign assignIn assignInWith assignWith bindAll defaults defaultsDeep defineProperty extend extendWith fill merge mergeWith mixin pull pullAll pullAt remove set setWith unset update updateWith'.split(
    ' ',
  ),
);

/** A package that is given to a package is most likely changed by it. */
export const packageCall: FlowRule = (site, flow) => {
  const { node, scope } = site;
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  const callee = skipChain(anyNode(node.callee));
  const root = rootOf(callee);
  if (!(flow.labels(root, scope) & PACKAGE)) return undefined;
  const name = memberName(callee, scope) ?? (root.type === 'Identifier' ? root.name : '');
  if (name === 'mixin' || name === 'template') return `${name}() of a package`;
  const given = node.arguments.map((argument) => skipChain(anyNode(argument)));
  const whole = given.find((argument) => isWholePackage(argument, site, flow));
  if (whole) return `${textAt(whole, flow)}, a package, given to ${name}()`;
  const [first] = given;
  return first && PACKAGE_WRITERS.has(name) ? sharedValue(first, site, flow, `${name}() on`) : undefined;
};

function isWholePackage(node: AnyNode, { scope }: Site, flow: ValueFlow): boolean {
  const inner = node.type === 'SpreadElement' ? anyNode(node.argument) : node;
  if (!(flow.labels(inner, scope) & PACKAGE)) return false;
  const source = inner.type === 'Identifier' ? onlySource(scope.lookup(inner.name)) : inner;
  if (!source || source.type === 'CallExpression') return true;
  const name = memberName(source, scope);
  return source.type === 'Identifier' || name === 'default' || name === '*';
}

/** lodash's and underscore's template() makes code of text. */
export const templateFunction: FlowRule = ({ node, scope }, flow) => {
  if (memberName(node, scope) !== 'template') return undefined;
  return flow.labels(rootOf(node), scope) & PACKAGE ? 'template() of a package' : undefined;
};

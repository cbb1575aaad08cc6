import { type AnyNode, anyNode, children, constantText, isFunction, type Program } from '../syntax-tree.ts';
import { patternTargets, resolveScopes, type Scope, type Scopes } from './scope.ts';

/** A node with what surrounds it. */
export interface Site {
  node: AnyNode;
  /** From the nearest outwards. */
  parents: readonly AnyNode[];
  scope: Scope;
  strict: boolean;
  /** Inside of an asynchronous function. */
  inAsync: boolean;
  /** The innermost function around it. */
  within: AnyNode | undefined;
}

type Around = Pick<Site, 'scope' | 'strict' | 'inAsync' | 'within'>;

/** Visits every node of a program, the outer before the inner. */
export function walkCode(program: Program, visit: (site: Site) => void): Scopes {
  const scopes = resolveScopes(program);
  const root = scopes.get(program);
  if (!root) throw new Error('a program has a scope');
  const go = (node: AnyNode, parents: readonly AnyNode[], around: Around): void => {
    const scope = scopes.get(node) ?? around.scope;
    const strict = around.strict || makesStrict(node);
    visit({ node, parents, scope, strict, inAsync: around.inAsync, within: around.within });
    const inAsync = isFunction(node) ? 'async' in node && node.async : around.inAsync;
    const within = isFunction(node) ? node : around.within;
    const above = [node, ...parents.slice(0, 3)];
    for (const child of children(node)) go(child, above, { scope, strict, inAsync, within });
  };
  go(program, [], { scope: root, strict: false, inAsync: false, within: undefined });
  return scopes;
}

function makesStrict(node: AnyNode): boolean {
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return true;
  if (!isFunction(node) || !('body' in node)) return false;
  const body = node.body;
  if (!body || Array.isArray(body) || body.type !== 'BlockStatement' || !('body' in body)) return false;
  return (body.body as AnyNode[]).some(
    (statement) => statement.type === 'ExpressionStatement' && statement.directive === 'use strict',
  );
}

/** True when an identifier stands for a variable's value, and is no property's name, label or declaration. */
export function isReference({ node, parents }: Site): boolean {
  const parent = parents[0];
  if (node.type !== 'Identifier' || !parent) return false;
  switch (parent.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed;
    case 'Property':
      return parent.value === node || parent.computed;
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return parent.value === node || parent.computed;
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
      return false;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
      return parent.id !== node && !('params' in parent && parent.params.includes(node as never));
    default:
      return true;
  }
}

/** What a node writes to: the targets of assignments, ++, delete and loops. */
export function writeTargets(node: AnyNode): AnyNode[] {
  switch (node.type) {
    case 'AssignmentExpression':
      return patternTargets(anyNode(node.left));
    case 'UpdateExpression':
      return [anyNode(node.argument)];
    case 'UnaryExpression':
      return node.operator === 'delete' ? [skipChain(anyNode(node.argument))] : [];
    case 'ForInStatement':
    case 'ForOfStatement':
      return node.left.type === 'VariableDeclaration' ? [] : patternTargets(anyNode(node.left));
    default:
      return [];
  }
}

/** The expression at the start of a chain of properties: `a` of `a.b[c].d`. */
export function rootOf(node: AnyNode): AnyNode {
  const inner = skipChain(node);
  return inner.type === 'MemberExpression' ? rootOf(anyNode(inner.object)) : inner;
}

export function skipChain(node: AnyNode): AnyNode {
  return node.type === 'ChainExpression' || node.type === 'ParenthesizedExpression' ? anyNode(node.expression) : node;
}

/** The name of a property in a pattern or an object, when the text tells it. */
export function keyName(node: AnyNode): string | undefined {
  if (node.type !== 'Property' && node.type !== 'MethodDefinition' && node.type !== 'PropertyDefinition')
    return undefined;
  if (!node.computed && node.key.type === 'Identifier') return node.key.name;
  return node.computed || node.key.type === 'Literal' ? constantText(anyNode(node.key)) : undefined;
}

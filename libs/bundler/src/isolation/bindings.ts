import { type AnyNode, anyNode, isFunction, propertyName } from '../syntax-tree.ts';
import { rootOf, type Site, skipChain } from './code-walk.ts';
import { type Binding, patternNames, type Scope } from './scope.ts';

/** Methods that give a callback the index as its second argument, and only exist at lists and iterators. */
const INDEX_METHODS = new Set('every filter find findIndex findLast findLastIndex flatMap map some'.split(' '));

/** Notes at each name what it is given. `text`: what the sites were parsed from. */
export function collectSources(sites: readonly Site[], text: string): void {
  for (const site of sites) collect(site, text);
}

function collect({ node, scope }: Site, text: string): void {
  switch (node.type) {
    case 'VariableDeclarator':
      if (node.init) give(anyNode(node.id), anyNode(node.init), scope);
      return;
    case 'AssignmentExpression':
      give(anyNode(node.left), /^(?:\|\||&&|\?\?)?=$/.test(node.operator) ? anyNode(node.right) : node, scope);
      return;
    case 'UpdateExpression':
      give(anyNode(node.argument), node, scope);
      return;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      for (const param of node.params) obscure(anyNode(param), scope);
      if ('id' in node && node.id) give(anyNode(node.id), node, scope);
      return;
    case 'ClassDeclaration':
    case 'ClassExpression':
      if (node.id) give(anyNode(node.id), node, scope);
      return;
    case 'CatchClause':
      if (node.param) obscure(anyNode(node.param), scope);
      return;
    case 'ForInStatement':
      loop(anyNode(node.left), scope, text.slice(node.right.start, node.right.end));
      return;
    case 'ForOfStatement':
      loop(anyNode(node.left), scope, keysText(anyNode(node.right), scope, text));
      return;
  }
}

function give(target: AnyNode, value: AnyNode, scope: Scope): void {
  if (target.type === 'Identifier') scope.lookup(target.name)?.sources.push(value);
  else obscure(target, scope);
}

function obscure(pattern: AnyNode, scope: Scope): void {
  for (const name of patternNames(pattern)) {
    const binding = scope.lookup(name);
    if (binding) binding.opaque = true;
  }
}

function loop(left: AnyNode, scope: Scope, keyOf: string | undefined): void {
  const target = left.type === 'VariableDeclaration' ? left.declarations[0]?.id : left;
  if (!target) return;
  obscure(anyNode(target), scope);
  const binding = target.type === 'Identifier' ? scope.lookup((target as { name?: string }).name ?? '') : undefined;
  if (binding) setKeys(binding, keyOf);
}

/** The keys of two objects are the keys of neither. */
function setKeys(binding: Binding, keyOf: string | undefined): void {
  if (binding.keyOf === undefined && keyOf !== undefined) binding.keyOf = keyOf;
  else if (binding.keyOf !== keyOf) binding.keyOf = '';
}

/** The text of x in `Object.keys(x)`. */
function keysText(node: AnyNode, scope: Scope, text: string): string | undefined {
  if (node.type !== 'CallExpression' || propertyName(anyNode(node.callee)) !== 'keys') return undefined;
  const { object } = node.callee as { object?: AnyNode };
  const [first] = node.arguments;
  if (object?.type !== 'Identifier' || object.name !== 'Object' || scope.lookup('Object') || !first) return undefined;
  return text.slice(first.start, first.end);
}

/**
 * Notes which parameters of callbacks can only be an index or an own key: `list.map((c, i) => ...)`,
 * `Object.keys(x).forEach((key) => ...)`. Call after collectSources. `ownNames` are the policy's own methods.
 */
export function markCallbackKeys(sites: readonly Site[], scopes: ReadonlyMap<AnyNode, Scope>, options: KeyOptions) {
  for (const { node, scope } of sites) {
    if (node.type !== 'CallExpression') continue;
    const callee = skipChain(anyNode(node.callee));
    const name = propertyName(callee);
    const callback = node.arguments[0] && anyNode(node.arguments[0]);
    if (callee.type !== 'MemberExpression' || !callback || !isFunction(callback) || !('params' in callback)) continue;
    if (name === undefined || options.ownNames.has(name)) continue;
    const inside = scopes.get(callback);
    const binding = (at: number): Binding | undefined => {
      const param = callback.params[at];
      return param?.type === 'Identifier' ? inside?.lookup(param.name) : undefined;
    };
    const keys = keysText(skipChain(anyNode(callee.object)), scope, options.text);
    const isList = keys !== undefined || isListMethod(name, anyNode(callee.object), scope, options);
    const [first, second] = [binding(0), binding(1)];
    if (second && isList) second.isIndex = true;
    if (first && keys !== undefined && (name === 'forEach' || INDEX_METHODS.has(name))) setKeys(first, keys);
  }
}

/** What a request brings has these methods at lists alone; what a package gives may have others of the same name. */
function isListMethod(name: string, object: AnyNode, scope: Scope, { listsOnly }: KeyOptions): boolean {
  if (name !== 'forEach' && !INDEX_METHODS.has(name)) return false;
  const root = rootOf(object);
  return listsOnly || (root.type === 'Identifier' && root.name === 'request' && !scope.lookup('request'));
}

export interface KeyOptions {
  text: string;
  /** Names of methods that the policy defines itself. */
  ownNames: ReadonlySet<string>;
  /** The policy makes no Map or Set and imports nothing, so that what has forEach() is a list. */
  listsOnly: boolean;
}

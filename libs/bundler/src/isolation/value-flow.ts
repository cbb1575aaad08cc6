import { MODULES } from '../prelude.ts';
import { type AnyNode, anyNode, isFunction } from '../syntax-tree.ts';
import { rootOf, skipChain } from './code-walk.ts';
import { isBuiltinGlobal, isPlainValue, POLICY_GLOBALS, WRITES_FIRST_ARGUMENT } from './globals.ts';
import { isOwnKey, keyText, memberName, onlySource } from './keys.ts';
import { ANY, BUILTIN, INHERITED_NAMES, type Labels, PACKAGE, STATIC_NAMES, WATCHED } from './labels.ts';
import type { Scope } from './scope.ts';

type FunctionNode = Extract<
  AnyNode,
  { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }
>;

/** Methods whose results are iterators. */
const ITERATOR_MAKERS = new Set(['entries', 'keys', 'matchAll', 'values']);
/** Methods whose results are texts, numbers, truth values, or new lists of texts. */
const PLAIN_METHODS = new Set(
  'charAt endsWith includes indexOf join lastIndexOf localeCompare normalize padEnd padStart repeat replace replaceAll some split startsWith substring test toFixed toLowerCase toString toUpperCase trim trimEnd trimStart'.split(
    ' ',
  ),
);
/** Functions of packages that read by a path, which may be any. */
const PATH_READERS = new Set('at get invoke path pick prop property propertyOf result'.split(' '));

/**
 * Where values go in a text, in rough lines: names have one set of labels for all of their time, properties one for all
 * objects, and everything that is put into lists, thrown, or passed to unknown functions is one heap.
 */
export class ValueFlow {
  readonly text: string;
  /** Names of methods and properties that the policy makes. */
  readonly ownNames: ReadonlySet<string>;
  /** What was put where this analysis does not follow. */
  stored: Labels = 0;
  readonly fields = new Map<string, Labels>();
  readonly returns = new Map<AnyNode, Labels>();

  constructor(text: string, ownNames: ReadonlySet<string>) {
    this.text = text;
    this.ownNames = ownNames;
  }

  /** What the value of an expression may be. */
  labels(node: AnyNode, scope: Scope): Labels {
    switch (node.type) {
      case 'ChainExpression':
      case 'ParenthesizedExpression':
        return this.labels(anyNode(node.expression), scope);
      case 'Identifier':
        return this.#nameLabels(node.name, scope);
      case 'MemberExpression':
        return this.#memberLabels(node, scope);
      case 'CallExpression':
        return this.#callLabels(node, scope);
      case 'NewExpression':
        return this.#newLabels(node, scope);
      case 'SpreadElement':
        return this.labels(anyNode(node.argument), scope) & ~WATCHED;
      case 'TaggedTemplateExpression':
      case 'ThisExpression':
      case 'YieldExpression':
      case 'AwaitExpression':
        return this.stored;
      case 'ConditionalExpression':
        return this.labels(anyNode(node.consequent), scope) | this.labels(anyNode(node.alternate), scope);
      case 'LogicalExpression':
        return this.labels(anyNode(node.left), scope) | this.labels(anyNode(node.right), scope);
      case 'SequenceExpression':
        return this.labels(anyNode(node.expressions.at(-1) as AnyNode), scope);
      case 'AssignmentExpression':
        return /^(?:\|\||&&|\?\?)?=$/.test(node.operator)
          ? this.labels(anyNode(node.left), scope) | this.labels(anyNode(node.right), scope)
          : 0;
      case 'Literal':
        return 'regex' in node && node.regex ? WATCHED : 0;
      default:
        return 0;
    }
  }

  /** What a property of an object may be; name undefined: it is known only at run time. */
  propertyLabels(name: string | undefined, object: Labels): Labels {
    const inherited = object & PACKAGE;
    if (name === undefined) return BUILTIN | ANY | inherited | this.stored | this.anyField();
    if (/^\d+$/.test(name)) return inherited | this.stored;
    const shared = INHERITED_NAMES.has(name) || (object & BUILTIN && STATIC_NAMES.has(name)) ? BUILTIN : 0;
    return inherited | shared | (this.fields.get(name) ?? 0);
  }

  anyField(): Labels {
    let all = 0;
    for (const labels of this.fields.values()) all |= labels;
    return all;
  }

  /** The function that a call reaches, when that is certain. */
  functionOf(callee: AnyNode, scope: Scope): FunctionNode | undefined {
    const inner = skipChain(callee);
    const found = inner.type === 'Identifier' ? onlySource(scope.lookup(inner.name)) : undefined;
    return found && isFunction(found) ? (found as FunctionNode) : undefined;
  }

  #nameLabels(name: string, scope: Scope): Labels {
    const binding = scope.lookup(name);
    if (binding) return binding.labels;
    if (name === MODULES) return PACKAGE;
    if (name === 'request' || name === 'exports' || isPlainValue(name)) return 0;
    if (POLICY_GLOBALS.has(name) || isBuiltinGlobal(name)) return BUILTIN;
    return this.fields.get(globalField(name)) ?? 0;
  }

  #memberLabels(node: Extract<AnyNode, { type: 'MemberExpression' }>, scope: Scope): Labels {
    const object = anyNode(node.object);
    const labels = this.labels(object, scope);
    const name = memberName(node, scope);
    if (name === undefined) {
      if (isOwnKey(node, scope, this.text)) return (labels & PACKAGE) | this.stored | this.anyField();
      return this.propertyLabels(undefined, labels);
    }
    const isOwn = object.type === 'Identifier' && hasOwnKey(onlySource(scope.lookup(object.name)), name, scope);
    return isOwn ? (this.fields.get(name) ?? 0) : this.propertyLabels(name, labels);
  }

  #callLabels(node: Extract<AnyNode, { type: 'CallExpression' }>, scope: Scope): Labels {
    const callee = skipChain(anyNode(node.callee));
    const known = this.functionOf(callee, scope);
    if (known) return (this.returns.get(known) ?? 0) | (known.generator ? WATCHED : 0);
    const first = node.arguments[0] ? this.labels(anyNode(node.arguments[0]), scope) : 0;
    if (callee.type === 'Identifier') {
      if (callee.name === 'require') return PACKAGE;
      if (scope.lookup(callee.name)) return this.stored;
      if (callee.name === 'Object') return first;
      return callee.name === 'RegExp' ? WATCHED : isBuiltinGlobal(callee.name) ? 0 : this.stored;
    }
    const name = memberName(callee, scope);
    const root = rootOf(callee);
    const receiver = callee.type === 'MemberExpression' ? this.labels(anyNode(callee.object), scope) & WATCHED : 0;
    if (name === undefined || root.type !== 'Identifier') return receiver | this.#unknownCall(name);
    if (!scope.lookup(root.name) && isBuiltinGlobal(root.name)) {
      if (WRITES_FIRST_ARGUMENT.has(name)) return first;
      return name === 'values' || name === 'entries' ? this.stored | this.anyField() : this.stored;
    }
    if (PATH_READERS.has(name) && this.labels(root, scope) & PACKAGE) return BUILTIN | ANY | this.stored;
    return receiver | this.#unknownCall(name);
  }

  #unknownCall(name: string | undefined): Labels {
    if (name === undefined || this.ownNames.has(name)) return this.stored;
    if (PLAIN_METHODS.has(name)) return 0;
    return this.stored | (ITERATOR_MAKERS.has(name) ? WATCHED : 0);
  }

  #newLabels(node: Extract<AnyNode, { type: 'NewExpression' }>, scope: Scope): Labels {
    const callee = anyNode(node.callee);
    if (callee.type !== 'Identifier' || scope.lookup(callee.name)) return this.stored;
    if (callee.name === 'Object') return node.arguments[0] ? this.labels(anyNode(node.arguments[0]), scope) : 0;
    return callee.name === 'RegExp' ? WATCHED : 0;
  }
}

/** Names without a declaration are properties of the global object. */
export const globalField = (name: string): string => `global ${name}`;

/** `{ values: [] }` has its own `values`. */
function hasOwnKey(source: AnyNode | undefined, name: string, scope: Scope): boolean {
  if (source?.type !== 'ObjectExpression') return false;
  return source.properties.some((property) => keyText(anyNode(property), scope) === name);
}

import { type AnyNode, anyNode, isFunction, propertyName } from '../syntax-tree.ts';
import { collectSources, markCallbackKeys } from './bindings.ts';
import { isReference, rootOf, type Site, skipChain } from './code-walk.ts';
import { isBuiltinGlobal, POLICY_GLOBALS } from './globals.ts';
import { keyText, memberName, onlySource } from './keys.ts';
import { type Labels, PACKAGE, WATCHED } from './labels.ts';
import type { Binding, Scope } from './scope.ts';
import { globalField, ValueFlow } from './value-flow.ts';

/** More than people's code ever needs; each round is one pass over the text. */
const MAX_ROUNDS = 40;

/** Methods that only look at their arguments. */
const READING_METHODS = new Set(
  'endsWith exec get has hasOwnProperty includes indexOf isPrototypeOf join lastIndexOf localeCompare match matchAll propertyIsEnumerable repeat search slice split startsWith substring test toString'.split(
    ' ',
  ),
);
/** Methods of lists and maps that call their first argument, and keep it nowhere. */
export const CALLBACK_METHODS = new Set(
  'every filter find findIndex findLast findLastIndex flatMap forEach map reduce reduceRight some sort toSorted'.split(
    ' ',
  ),
);
/** Built-in functions that put their arguments into what they give. */
const STORING_FUNCTIONS = new Set(
  'Array Map Set WeakMap WeakSet Error AggregateError from fromEntries of create'.split(' '),
);

/** Follows all values of a text. Throws a RangeError when they go too many ways. */
export function followValues(sites: readonly Site[], scopes: ReadonlyMap<AnyNode, Scope>, text: string): ValueFlow {
  const flow = new ValueFlow(text, ownNamesOf(sites));
  collectSources(sites, text);
  const makesOthers = sites.some(
    ({ node }) => node.type === 'Identifier' && /^(?:Map|Set|require|__jspolicyModules)$/.test(node.name),
  );
  markCallbackKeys(sites, scopes, { text, ownNames: flow.ownNames, listsOnly: !makesOthers });
  const steps = new FlowSteps(flow, scopes, sites);
  for (let round = 0; round < MAX_ROUNDS; round++) if (!steps.round()) return flow;
  throw new RangeError('values go too many ways');
}

/** All names that properties and methods get in the text. */
function ownNamesOf(sites: readonly Site[]): Set<string> {
  const names = new Set<string>();
  for (const { node, scope, parents } of sites) {
    const isPattern = parents[0]?.type === 'ObjectPattern';
    const name = isPattern ? undefined : keyText(node, scope);
    const isCode = 'value' in node && node.value !== null && typeof node.value === 'object' && !isLiteral(node.value);
    if (name !== undefined && isCode) names.add(name);
    if (node.type !== 'AssignmentExpression') continue;
    const written = memberName(anyNode(node.left), scope);
    if (written !== undefined && !isLiteral(node.right)) names.add(written);
  }
  return names;
}

function isLiteral(value: unknown): boolean {
  return ['Literal', 'TemplateLiteral'].includes((value as AnyNode).type);
}

class FlowSteps {
  readonly #flow: ValueFlow;
  readonly #scopes: ReadonlyMap<AnyNode, Scope>;
  readonly #sites: readonly Site[];
  /** Functions that are only ever called, by their name. */
  readonly #closed: ReadonlySet<AnyNode>;
  #changed = false;

  constructor(flow: ValueFlow, scopes: ReadonlyMap<AnyNode, Scope>, sites: readonly Site[]) {
    this.#flow = flow;
    this.#scopes = scopes;
    this.#sites = sites;
    this.#closed = closedFunctions(sites);
  }

  /** One pass over the text; false when it brought nothing new. */
  round(): boolean {
    this.#changed = false;
    for (const site of this.#sites) this.#step(site);
    return this.#changed;
  }

  #step(site: Site): void {
    const { node, scope, within } = site;
    const flow = this.#flow;
    switch (node.type) {
      case 'VariableDeclarator':
        if (node.init) this.#give(anyNode(node.id), flow.labels(anyNode(node.init), scope), scope);
        return;
      case 'AssignmentExpression':
        if (/^(?:\|\||&&|\?\?)?=$/.test(node.operator))
          this.#give(anyNode(node.left), flow.labels(anyNode(node.right), scope), scope);
        return;
      case 'AssignmentPattern':
        this.#give(anyNode(node.left), flow.labels(anyNode(node.right), scope), scope);
        return;
      case 'Property':
        if (site.parents[0]?.type === 'ObjectExpression') this.#property(node, scope);
        return;
      case 'PropertyDefinition':
        this.#property(node, scope);
        return;
      case 'ArrayExpression':
        for (const element of node.elements) if (element) this.#store(flow.labels(anyNode(element), scope));
        return;
      case 'ForOfStatement':
        this.#loop(node, scope);
        return;
      case 'CatchClause':
        if (node.param) this.#give(anyNode(node.param), flow.stored, scope);
        return;
      case 'ThrowStatement':
        this.#store(flow.labels(anyNode(node.argument), scope));
        return;
      case 'YieldExpression':
        if (node.argument) this.#store(flow.labels(anyNode(node.argument), scope));
        return;
      case 'ReturnStatement':
        if (node.argument && within) this.#result(within, flow.labels(anyNode(node.argument), scope));
        return;
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'FunctionDeclaration':
        this.#function(node, scope);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        if (node.superClass?.type === 'Identifier' && node.superClass.name === 'RegExp') this.#store(WATCHED);
        return;
      case 'CallExpression':
      case 'NewExpression':
        this.#call(node, scope);
        return;
      case 'TaggedTemplateExpression':
        for (const value of node.quasi.expressions) this.#store(flow.labels(anyNode(value), scope));
        return;
    }
  }

  #give(target: AnyNode, labels: Labels, scope: Scope): void {
    const flow = this.#flow;
    switch (target.type) {
      case 'Identifier': {
        const binding = scope.lookup(target.name);
        binding ? this.#mark(binding, labels) : this.#setField(globalField(target.name), labels);
        return;
      }
      case 'MemberExpression':
        this.#setProperty(memberName(target, scope), labels);
        return;
      case 'ObjectPattern':
        for (const property of target.properties) {
          if (property.type === 'RestElement') this.#give(anyNode(property.argument), labels & PACKAGE, scope);
          else {
            const name = keyText(property, scope);
            this.#give(anyNode(property.value), flow.propertyLabels(name, labels), scope);
          }
        }
        return;
      case 'ArrayPattern': {
        for (const element of target.elements)
          if (element) this.#give(anyNode(element), flow.stored | (labels & ~WATCHED), scope);
        return;
      }
      case 'AssignmentPattern':
        this.#give(anyNode(target.left), labels | flow.labels(anyNode(target.right), scope), scope);
        return;
      case 'RestElement':
        this.#give(anyNode(target.argument), labels, scope);
        return;
    }
  }

  #property(node: Extract<AnyNode, { type: 'Property' | 'PropertyDefinition' }>, scope: Scope): void {
    if (node.value) this.#setProperty(keyText(node, scope), this.#flow.labels(anyNode(node.value), scope));
  }

  #loop(node: Extract<AnyNode, { type: 'ForOfStatement' }>, scope: Scope): void {
    const left = anyNode(node.left);
    const target = left.type === 'VariableDeclaration' ? left.declarations[0]?.id : left;
    if (!target) return;
    const list = this.#flow.labels(anyNode(node.right), scope) & ~WATCHED;
    this.#give(anyNode(target), list | this.#flow.stored, scope);
  }

  /** A function that others may call too is given and gives what they have. */
  #function(node: Extract<AnyNode, { params: unknown }> & AnyNode, scope: Scope): void {
    const isOpen = !this.#closed.has(node);
    if ('params' in node && isOpen)
      for (const param of node.params) this.#give(anyNode(param as AnyNode), this.#flow.stored, scope);
    if ('generator' in node && node.generator && isOpen) this.#store(WATCHED);
    if (node.type === 'ArrowFunctionExpression' && node.expression)
      this.#result(node, this.#flow.labels(anyNode(node.body), scope));
  }

  #result(fn: AnyNode, labels: Labels): void {
    const before = this.#flow.returns.get(fn) ?? 0;
    if ((before | labels) !== before) {
      this.#flow.returns.set(fn, before | labels);
      this.#changed = true;
    }
    if (!this.#closed.has(fn)) this.#store(labels);
  }

  #call(node: Extract<AnyNode, { type: 'CallExpression' | 'NewExpression' }>, scope: Scope): void {
    const callee = skipChain(anyNode(node.callee));
    const known = this.#flow.functionOf(callee, scope);
    const inside = known && this.#closed.has(known) ? this.#scopes.get(known) : undefined;
    if (!inside && onlyReads(callee, scope, this.#flow.ownNames)) return;
    const isCallback = callbackOf(callee, this.#flow.ownNames);
    const kept = this.#flow.labels(rootOf(callee), scope) & PACKAGE ? ~PACKAGE : ~0;
    const hasSpread = node.arguments.some(({ type }) => type === 'SpreadElement');
    for (const [index, argument] of node.arguments.entries()) {
      if (isCallback && index === 0) continue;
      const labels = this.#flow.labels(anyNode(argument), scope) & kept;
      const param = known?.params[index];
      if (inside && param && param.type !== 'RestElement' && !hasSpread) this.#give(anyNode(param), labels, inside);
      else this.#store(labels);
    }
    if (!inside || !known) return;
    for (const param of known.params)
      if (hasSpread || param.type === 'RestElement') this.#give(anyNode(param), this.#flow.stored, inside);
  }

  #setProperty(name: string | undefined, labels: Labels): void {
    if (name === undefined || /^\d+$/.test(name)) this.#store(labels);
    else this.#setField(name, labels);
  }

  #setField(name: string, labels: Labels): void {
    const before = this.#flow.fields.get(name) ?? 0;
    if ((before | labels) === before) return;
    this.#flow.fields.set(name, before | labels);
    this.#changed = true;
  }

  #mark(binding: Binding, labels: Labels): void {
    if ((binding.labels | labels) === binding.labels) return;
    binding.labels |= labels;
    this.#changed = true;
  }

  #store(labels: Labels): void {
    if ((this.#flow.stored | labels) === this.#flow.stored) return;
    this.#flow.stored |= labels;
    this.#changed = true;
  }
}

/** Functions of the engine and of the language that keep nothing of what they are given. */
function onlyReads(callee: AnyNode, scope: Scope, ownNames: ReadonlySet<string>): boolean {
  if (callee.type === 'Identifier') {
    if (scope.lookup(callee.name)) return false;
    return (POLICY_GLOBALS.has(callee.name) || isBuiltinGlobal(callee.name)) && !STORING_FUNCTIONS.has(callee.name);
  }
  const name = propertyName(callee);
  if (name === undefined) return false;
  const root = rootOf(callee);
  if (root.type === 'Identifier' && !scope.lookup(root.name) && isBuiltinGlobal(root.name))
    return !STORING_FUNCTIONS.has(name);
  return READING_METHODS.has(name) && !ownNames.has(name);
}

function callbackOf(callee: AnyNode, ownNames: ReadonlySet<string>): boolean {
  const name = propertyName(callee);
  return name !== undefined && CALLBACK_METHODS.has(name) && !ownNames.has(name);
}

/** Functions with one name that stands nowhere but in calls; `arguments` would give theirs away. */
function closedFunctions(sites: readonly Site[]): Set<AnyNode> {
  const closed = new Set<AnyNode>();
  const escaped = new Set<Binding>();
  for (const site of sites) {
    const { node, scope, parents } = site;
    if (node.type !== 'Identifier') continue;
    if (node.name === 'arguments') return new Set();
    const binding = scope.lookup(node.name);
    const source = onlySource(binding);
    if (!binding || !source || !isFunction(source)) continue;
    closed.add(source);
    const parent = parents[0];
    const isCall = parent?.type === 'CallExpression' && parent.callee === node;
    const isName = parent?.type === 'VariableDeclarator' && parent.id === node;
    if (isReference(site) && !isCall && !isName) escaped.add(binding);
  }
  for (const binding of escaped) for (const source of binding.sources) closed.delete(source);
  return closed;
}

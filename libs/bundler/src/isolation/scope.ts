import { type AnyNode, anyNode, children, isFunction, type Program } from '../syntax-tree.ts';

/** A name that a text declares. */
export interface Binding {
  /** Its value may belong to an imported package, and so outlive the request. */
  fromModule: boolean;
}

/** The names of one function, block or program. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly isFunction: boolean;
  readonly #names = new Map<string, Binding>();

  constructor(parent: Scope | undefined, ofFunction: boolean) {
    this.parent = parent;
    this.isFunction = ofFunction;
  }

  declare(name: string): void {
    if (!this.#names.has(name)) this.#names.set(name, { fromModule: false });
  }

  /** undefined: no declaration in the text, so it is a global one. */
  lookup(name: string): Binding | undefined {
    return this.#names.get(name) ?? this.parent?.lookup(name);
  }

  /** Where a `var` goes. */
  get hoisted(): Scope {
    return this.isFunction || !this.parent ? this : this.parent.hoisted;
  }
}

export type Scopes = ReadonlyMap<AnyNode, Scope>;

/** The scope that each function, class, block and loop of a program opens. */
export function resolveScopes(program: Program): Scopes {
  const scopes = new Map<AnyNode, Scope>();
  const visit = (node: AnyNode, outer: Scope): void => {
    declareOutside(node, outer);
    const scope = opens(node) ? new Scope(outer, isFunction(node)) : outer;
    if (scope !== outer) scopes.set(node, scope);
    declareInside(node, scope);
    for (const child of children(node)) visit(child, scope);
  };
  const root = new Scope(undefined, true);
  scopes.set(program, root);
  for (const statement of program.body) visit(anyNode(statement), root);
  return scopes;
}

const BLOCKS = new Set([
  'BlockStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
  'CatchClause',
  'StaticBlock',
  'ClassDeclaration',
  'ClassExpression',
]);

function opens(node: AnyNode): boolean {
  return isFunction(node) || BLOCKS.has(node.type);
}

function declareOutside(node: AnyNode, scope: Scope): void {
  if (node.type === 'FunctionDeclaration' && node.id) {
    scope.declare(node.id.name);
    scope.hoisted.declare(node.id.name);
  } else if (node.type === 'ClassDeclaration' && node.id) scope.declare(node.id.name);
  else if (node.type === 'VariableDeclaration') {
    const target = node.kind === 'var' ? scope.hoisted : scope;
    for (const { id } of node.declarations) for (const name of patternNames(anyNode(id))) target.declare(name);
  }
}

function declareInside(node: AnyNode, scope: Scope): void {
  if ((node.type === 'FunctionExpression' || node.type === 'ClassExpression') && node.id) scope.declare(node.id.name);
  if (node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration') scope.declare('arguments');
  if (node.type === 'CatchClause' && node.param) declareAll(anyNode(node.param), scope);
  if ('params' in node) for (const param of node.params) declareAll(anyNode(param), scope);
}

function declareAll(pattern: AnyNode, scope: Scope): void {
  for (const name of patternNames(pattern)) scope.declare(name);
}

/** The names that a pattern binds. */
export function patternNames(pattern: AnyNode): string[] {
  return patternTargets(pattern).flatMap((target) => (target.type === 'Identifier' ? [target.name] : []));
}

/** What a pattern writes to: identifiers, and in assignments member expressions too. */
export function patternTargets(pattern: AnyNode): AnyNode[] {
  switch (pattern.type) {
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        patternTargets(anyNode(property.type === 'Property' ? property.value : property.argument)),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => (element ? patternTargets(anyNode(element)) : []));
    case 'AssignmentPattern':
      return patternTargets(anyNode(pattern.left));
    case 'RestElement':
      return patternTargets(anyNode(pattern.argument));
    default:
      return [pattern];
  }
}

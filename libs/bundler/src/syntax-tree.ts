import { type AnyNode, type Node, type Options, type Program, parse } from 'acorn';

export type { AnyNode, Node, Program };

/** The parser's stack is smaller than the text is deep. V8 would not take such a text either, or hardly. */
export class TooDeepError extends Error {
  constructor(options?: ErrorOptions) {
    super('nested too deeply', options);
    this.name = 'TooDeepError';
  }
}

/** acorn's SyntaxError: `pos` is the offset, the message ends with ` (line:column)`. */
export interface ParseError extends SyntaxError {
  pos: number;
}

export function isParseError(error: unknown): error is ParseError {
  return error instanceof SyntaxError && 'pos' in error && typeof error.pos === 'number';
}

/** Parses with the newest syntax. Throws a ParseError, or TooDeepError. */
export function parseScript(text: string, options: Partial<Options> = {}): Program {
  try {
    return parse(text, { ecmaVersion: 'latest', ...options });
  } catch (error) {
    if (error instanceof RangeError || (error instanceof SyntaxError && /stack space/.test(error.message)))
      throw new TooDeepError({ cause: error });
    throw error;
  }
}

/** The nodes directly below a node, in the order of the text. */
export function children(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  for (const value of Object.values(node)) {
    // One by one: a list of a hundred thousand is more than a call takes arguments.
    if (Array.isArray(value)) for (const each of value.filter(isNode)) found.push(each);
    else if (isNode(value)) found.push(value);
  }
  return found;
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** A node as one of the union that acorn's own types name. */
export const anyNode = (node: Node): AnyNode => node as AnyNode;

/** Visits a node and all below it. `visit` returns false where it need not go deeper. */
export function walk(node: AnyNode, visit: (node: AnyNode) => boolean | undefined): void {
  if (visit(node) === false) return;
  for (const child of children(node)) walk(child, visit);
}

/** The text that an expression certainly is, when it is made of string literals alone. */
export function constantText(node: AnyNode): string | undefined {
  if (node.type === 'Literal') return String(node.value);
  if (node.type === 'TemplateLiteral') {
    return node.expressions.length === 0 ? (node.quasis[0]?.value.cooked ?? undefined) : undefined;
  }
  if (node.type !== 'BinaryExpression' || node.operator !== '+') return undefined;
  const left = constantText(anyNode(node.left));
  const right = constantText(anyNode(node.right));
  return left === undefined || right === undefined ? undefined : left + right;
}

/** The name of the property that a member expression reads, when the text tells it. */
export function propertyName(node: AnyNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  if (node.computed) return constantText(anyNode(node.property));
  return 'name' in node.property ? node.property.name : undefined;
}

export function isFunction(node: AnyNode): boolean {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  );
}

/** True when the text waits outside of any function: it must then run as an async one. */
export function hasTopLevelAwait(program: Program): boolean {
  let found = false;
  walk(program, (node) => {
    if (isFunction(node) || node.type === 'PropertyDefinition' || node.type === 'StaticBlock') return false;
    if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await)) found = true;
    if (node.type === 'VariableDeclaration' && (node.kind as string) === 'await using') found = true;
    return !found;
  });
  return found;
}

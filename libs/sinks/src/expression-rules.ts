import type { ASTNode } from '@marcbachmann/cel-js';

/**
 * What an expression may call. Left out are what needs time or memory beyond the size of an event: regular expressions,
 * and whatever makes lists and texts out of others.
 */
const FUNCTIONS = [
  ...['has', 'size', 'bool', 'double', 'dyn', 'int', 'string', 'timestamp', 'duration', 'type'],
  ...['contains', 'endsWith', 'glob', 'indexOf', 'lastIndexOf', 'lowerAscii', 'startsWith', 'substring', 'trim'],
  ...['upperAscii', 'getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear'],
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
];
const LOOPS = ['all', 'exists', 'exists_one'];

/** What of a parsed expression is refused, whatever its types are; undefined: nothing. */
export function ruleProblem(ast: ASTNode): string | undefined {
  return problemIn(ast, false);
}

function problemIn(node: ASTNode, inLoop: boolean): string | undefined {
  const called = node.op === 'call' || node.op === 'rcall' ? String(node.args[0]) : undefined;
  const isLoop = called !== undefined && LOOPS.includes(called);
  if (called === 'matches')
    return 'matches() is not served, a regular expression may take time without end: use glob(), startsWith(), endsWith() or contains()';
  if (called !== undefined && !isLoop && !FUNCTIONS.includes(called)) return `${called}() is not served`;
  if (isLoop && inLoop) return `${called}() must not stand within another ${LOOPS.join('(), ')}()`;
  for (const child of nodesOf(node.args)) {
    const problem = problemIn(child, inLoop || isLoop);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function nodesOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(nodesOf);
  return isNode(args) ? [args] : [];
}

const isNode = (value: unknown): value is ASTNode => typeof value === 'object' && value !== null && 'op' in value;

import { MODULES } from '../prelude.ts';
import { type AnyNode, anyNode, type Program } from '../syntax-tree.ts';
import { rootOf, type Site, skipChain, walkCode } from './code-walk.ts';
import { patternNames } from './scope.ts';

/** Assignments reach names that were declared before them; a second round finds what a loop carries around. */
const ROUNDS = 2;

/** The nodes of a program; names are marked whose value is a package's, or a property of a package's. */
export function markedSites(program: Program): Site[] {
  const sites: Site[] = [];
  walkCode(program, (site) => sites.push(site));
  for (let round = 0; round < ROUNDS; round++) for (const site of sites) mark(site);
  return sites;
}

function mark({ node, scope }: Site): void {
  const [target, value] = binding(node);
  if (!target || !value || !isModuleValue(value, { scope })) return;
  for (const name of patternNames(target)) {
    const found = scope.lookup(name);
    if (found) found.fromModule = true;
  }
}

function binding(node: AnyNode): [target?: AnyNode, value?: AnyNode] {
  if (node.type === 'VariableDeclarator' && node.init) return [anyNode(node.id), anyNode(node.init)];
  if (node.type === 'AssignmentExpression' && node.operator === '=') return [anyNode(node.left), anyNode(node.right)];
  return [];
}

function isModuleValue(value: AnyNode, { scope }: Pick<Site, 'scope'>): boolean {
  const inner = skipChain(value);
  if (inner.type === 'LogicalExpression' || inner.type === 'ConditionalExpression') {
    const branches =
      inner.type === 'LogicalExpression' ? [inner.left, inner.right] : [inner.consequent, inner.alternate];
    return branches.some((branch) => isModuleValue(anyNode(branch), { scope }));
  }
  const root = rootOf(inner);
  if (root.type === 'Identifier') return root.name === MODULES || scope.lookup(root.name)?.fromModule === true;
  return root.type === 'CallExpression' && root.callee.type === 'Identifier' && root.callee.name === 'require';
}

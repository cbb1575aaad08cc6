import { type AnyNode, anyNode, propertyName } from '../syntax-tree.ts';
import { isReference, rootOf, type Site, skipChain } from './code-walk.ts';
import type { Rule } from './shared-rules.ts';

/** Methods of lists that call what they are given, and keep it nowhere. */
const CALLBACK_METHODS = new Set(
  'every filter find findIndex findLast findLastIndex flatMap forEach map reduce some sort toSorted'.split(' '),
);
const COMPARING = new Set(['===', '!==', '==', '!=', 'instanceof']);
/** What it becomes is a text, a truth value, or nothing. */
const READING = new Set([
  'ExpressionStatement',
  'IfStatement',
  'TaggedTemplateExpression',
  'TemplateLiteral',
  'UnaryExpression',
]);

/**
 * A package's objects live as long as the context, and are not frozen. They may be called, compared with, given another
 * name (which is then known as the package's) or given to what only calls them; who else is given one may write to it.
 */
const packageValue: Rule = (site) => {
  const { node, parents, scope } = site;
  if (node.type !== 'Identifier' || !isReference(site) || !scope.lookup(node.name)?.fromModule) return undefined;
  const depth = parents.findIndex((parent, index) => !isPartOf(parent, parents[index - 1] ?? node));
  const mayGo = depth >= 0 && isHarmless(parents[depth - 1] ?? node, parents.slice(depth), site);
  return mayGo ? undefined : `${node.name}, a package, given away`;
};

/** `_.a` of `_`, and what has the same value. */
function isPartOf(parent: AnyNode, node: AnyNode): boolean {
  if (parent.type === 'MemberExpression') return parent.object === node;
  return ['ChainExpression', 'LogicalExpression', 'ConditionalExpression'].includes(parent.type);
}

function isHarmless(value: AnyNode, [parent, object, call]: AnyNode[], site: Site): boolean {
  switch (parent?.type) {
    case 'CallExpression':
    case 'NewExpression':
      return parent.callee === value || isCallback(value, anyNode(parent.callee), site);
    case 'VariableDeclarator':
    case 'UpdateExpression':
      return true;
    case 'AssignmentExpression':
      return parent.left === value || parent.left.type !== 'MemberExpression';
    case 'BinaryExpression':
      return COMPARING.has(parent.operator);
    case 'ClassDeclaration':
    case 'ClassExpression':
      return parent.superClass === value;
    case 'Property':
      // An option: `yaml.load(text, { schema: yaml.JSON_SCHEMA })`.
      return object?.type === 'ObjectExpression' && call?.type === 'CallExpression' && isOfPackage(call.callee, site);
    default:
      return parent !== undefined && READING.has(parent.type);
  }
}

/** `names.map(_.trim)`, `_.map(names, _.trim)`; a whole package is nobody's callback. */
function isCallback(value: AnyNode, callee: AnyNode, site: Site): boolean {
  if (isOfPackage(callee, site)) return value.type === 'MemberExpression';
  return CALLBACK_METHODS.has(propertyName(skipChain(callee)) ?? '');
}

function isOfPackage(node: { type: string }, { scope }: Site): boolean {
  const root = rootOf(node as AnyNode);
  return root.type === 'Identifier' && scope.lookup(root.name)?.fromModule === true;
}

/** Functions that change the package that they belong to: its language, its options, its parts. */
const CONFIGURING = new Set('config configure locale plugin seed use'.split(' '));

const configuringCall: Rule = (site) => {
  const { node } = site;
  if (node.type !== 'CallExpression' || !isOfPackage(node.callee, site)) return undefined;
  const name = propertyName(skipChain(anyNode(node.callee))) ?? '';
  const isExtension = name === 'extend' && node.arguments.length === 1;
  return isExtension || CONFIGURING.has(name) ? `${name}() of a package` : undefined;
};

/** lodash's and underscore's template() makes code of text. */
const template: Rule = (site) =>
  propertyName(site.node) === 'template' && isOfPackage(site.node, site) ? 'template() of a package' : undefined;

export const PACKAGE_RULES: readonly Rule[] = [template, configuringCall, packageValue];

/** The like, by names that mean nothing else: a text that mentions one beside packages needs a fresh context. */
export const STATEFUL_NAMES: readonly string[] =
  'uniqueId uniqueid mixin defineLocale updateLocale setLocale setOptions registerHelper registerPartial'.split(' ');

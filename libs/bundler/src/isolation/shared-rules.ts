import { anyNode, propertyName } from '../syntax-tree.ts';
import type { Site } from './code-walk.ts';

/** A rule looks at one node and says why it needs a fresh context, or nothing. */
export type Rule = (site: Site) => string | undefined;

/** Jobs that may run when the next request has begun. */
export const asynchronousCode: Rule = ({ node }) => {
  if ('async' in node && node.async === true) return 'async function';
  if (node.type === 'AwaitExpression') return 'await';
  if (node.type === 'ForOfStatement' && node.await) return 'for await';
  if (node.type === 'ImportExpression') return 'import()';
  return undefined;
};

/** Names inside are decided while it runs. */
export const withStatement: Rule = ({ node }) => (node.type === 'WithStatement' ? 'with' : undefined);

const REGEXP_STATICS = /^(?:\$[0-9_&+`']|input|lastMatch|lastParen|leftContext|rightContext)$/;

/** `RegExp.$1` and its kin tell of the last match, which may be another request's. */
export const regexpStatics: Rule = ({ node, scope }) => {
  const name = propertyName(node);
  if (node.type !== 'MemberExpression' || name === undefined) return undefined;
  const object = anyNode(node.object);
  const isRegExp = object.type === 'Identifier' && object.name === 'RegExp' && !scope.lookup('RegExp');
  return isRegExp && REGEXP_STATICS.test(name) ? `RegExp.${name}` : undefined;
};

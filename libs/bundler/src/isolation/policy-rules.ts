import { type AnyNode, anyNode } from '../syntax-tree.ts';
import { skipChain } from './code-walk.ts';
import { globalUse, sharedProperty } from './global-rules.ts';
import { isOwnKey, memberName } from './keys.ts';
import { ANY } from './labels.ts';
import { asynchronousCode, type FlowRule, regexpStatics, withStatement } from './shared-rules.ts';
import { foreignWrite, packageCall, templateFunction, writingCall } from './write-rules.ts';

/** `this` of a sloppy function may be the global object. */
const sloppyThis: FlowRule = ({ node, strict }) =>
  node.type === 'ThisExpression' && !strict ? 'this, which may be the global object' : undefined;

/** A function by a computed name: it may be any that the object inherits. */
const computedCall: FlowRule = ({ node, scope }, flow) => {
  const callee = calleeOf(node);
  if (!callee) return undefined;
  const name = memberName(callee, scope);
  if (callee.type === 'MemberExpression' && name === undefined && !isOwnKey(callee, scope, flow.text))
    return 'a call by a computed name';
  const isIndirect = callee.type === 'MemberExpression' && /^(?:call|apply|bind)$/.test(name ?? '');
  const called = isIndirect ? anyNode(callee.object) : callee;
  return flow.labels(called, scope) & ANY ? 'a call of what was read by a computed name' : undefined;
};

function calleeOf(node: AnyNode): AnyNode | undefined {
  if (node.type === 'TaggedTemplateExpression') return skipChain(anyNode(node.tag));
  return node.type === 'CallExpression' || node.type === 'NewExpression' ? skipChain(anyNode(node.callee)) : undefined;
}

/** The policy's own code is kept only when none of these says a word. */
export const POLICY_RULES: readonly FlowRule[] = [
  asynchronousCode,
  withStatement,
  regexpStatics,
  sloppyThis,
  globalUse,
  sharedProperty,
  computedCall,
  foreignWrite,
  writingCall,
  packageCall,
  templateFunction,
];

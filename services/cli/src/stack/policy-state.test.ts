import { resolve } from 'node:path';
import type { JsPolicySpec, JsPolicyStatus } from '@jspolicy/contracts';
import type { SourcePlace } from '@jspolicy/kube';
import { expect, test } from 'vitest';
import { policyState, stateLine } from './policy-state.ts';

const policy = (status: JsPolicyStatus | undefined, spec: Partial<JsPolicySpec> = {}) => ({
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: 'a.example.com', generation: 2 },
  spec: { operations: ['CREATE'], resources: ['pods'], ...spec },
  ...(status && { status }),
});
const source: SourcePlace = { file: resolve('k8s/x.yaml'), line: 9, columnOffset: 4, exact: true };
const message = 'error bundling javascript: javascript:2:9: Unexpected ")"\n  2 | if (x ==) {\n    |         ^';

test.each([
  [undefined, 'pending'],
  [{ phase: 'Synced', observedGeneration: 1 } as const, 'pending'],
  [{ phase: 'Synced', observedGeneration: 2 } as const, 'enforced'],
  [{ phase: 'Synced' } as const, 'enforced'],
  [{ phase: 'Failed', observedGeneration: 2 } as const, 'failed'],
])('%j is %s', (status, phase) => {
  expect(policyState(policy(status))).toMatchObject({
    name: 'a.example.com',
    type: 'Validating',
    action: 'Deny',
    phase,
  });
});

test('a problem is told where its author looks', () => {
  const conditions = [{ type: 'WebhookReady', status: 'True', lastTransitionTime: 't' } as const];
  const state = policyState(policy({ phase: 'Failed', message, conditions }), source);
  expect(stateLine(state)).toBe(
    'k8s/x.yaml:10:13: error bundling javascript: Unexpected ")" (last good version stays in force)\n' +
      '  10 | if (x ==) {\n' +
      '     |         ^',
  );
});

test('without a file the policy is named', () => {
  expect(stateLine(policyState(policy({ phase: 'Failed', message: 'no bundle' })))).toBe(
    'a.example.com: no bundle (not enforced: it has no webhook configuration; asked directly, it denies with code 500)',
  );
  expect(stateLine(policyState(policy({ phase: 'Synced' })))).toBe('a.example.com: enforced');
});

test('one that may not create more is in force', () => {
  const conditions = [{ type: 'ControllerReady', status: 'True', lastTransitionTime: 't' } as const];
  const status: JsPolicyStatus = { phase: 'Failed', reason: 'CreatesTooMuch', message: 'it creates', conditions };
  expect(stateLine(policyState(policy(status, { type: 'Controller' })))).toBe(
    'a.example.com: it creates (in force, but create() fails)',
  );
});

test('one that an evaluator does not have yet is in force elsewhere', () => {
  const status: JsPolicyStatus = { phase: 'Failed', reason: 'NotInForce', message: 'evaluators' };
  expect(stateLine(policyState(policy(status)))).toBe(
    'a.example.com: evaluators (in force, but not at every evaluator yet)',
  );
});

test('the action is shown as the engine reads it', () => {
  expect(policyState(policy(undefined, { type: 'Mutating', violationPolicy: 'warn' }))).toMatchObject({
    type: 'Mutating',
    action: 'Warn',
  });
});

test.each([
  [
    { failurePolicy: 'Ignore' } as const,
    [],
    'not enforced: it has no webhook configuration; asked directly, it answers HTTP 500',
  ],
  [{ violationPolicy: 'dry' } as const, [], 'not enforced: it has no webhook configuration; asked directly, it allows'],
  [{}, ['BundleCompiled'] as const, 'not enforced: it has no webhook configuration'],
  [{ type: 'Controller' } as const, [], 'not enforced: no object is judged'],
])('what becomes of requests: %j, %j', (spec, holding, fate) => {
  const conditions = holding.map((type) => ({ type, status: 'True', lastTransitionTime: 't' }) as const);
  expect(policyState(policy({ phase: 'Failed', conditions }, spec)).fate).toBe(fate);
});

test('what a Controller policy denies is only recorded', () => {
  expect(policyState(policy({ phase: 'Synced' }, { type: 'Controller' })).action).toBe('Record');
});

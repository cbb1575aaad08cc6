import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditStack, KINDS, startStack } from './audit-stack.test-part.ts';

let stack: AuditStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

/** From now on the API server refuses a status with this message, with code 422. */
async function refuseMessage(message: string) {
  const path = '/apis/admissionregistration.k8s.io/v1';
  const guard = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'no-such-message' } };
  const resources = ['jspolicyviolations/status'];
  const rule = { apiGroups: ['policy.jspolicy.com'], apiVersions: ['*'], operations: ['*'], resources };
  const expression = `!object.status.violations.exists(v, v.message == '${message}')`;
  await stack.call('POST', `${path}/validatingadmissionpolicies`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicy',
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression, message: 'refused' }] },
  });
  await stack.call('POST', `${path}/validatingadmissionpolicybindings`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: { policyName: 'no-such-message', validationActions: ['Deny'] },
  });
  const probe = 'probe.audit.example';
  await stack.makePolicy(probe);
  await stack.call('POST', `${KINDS}/jspolicyviolations`, {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicyViolations',
    metadata: { name: probe },
  });
  const entry = { action: 'Deny', message, requestInfo: {}, userInfo: {}, timestamp: '2026-01-02T03:04:05Z' };
  const put = () =>
    stack.call('PATCH', `${KINDS}/jspolicyviolations/${probe}/status`, {
      status: { violations: [entry] },
    });
  await waitFor(async () => (await put()).status === 422, { what: 'the refusal to be in force' });
}

test('an entry that the API server does not take is a dead letter; the others beside it stand in the status', async () => {
  const name = 'refused.audit.example';
  await stack.makePolicy(name, { auditLogSize: 40 });
  await refuseMessage('violation 105');
  const deadBefore = await stack.metric('jspolicy_violations_dead_total');
  await stack.publishMany(name, 101, 20);
  await stack.untilLatest(name, 120);
  await waitFor(async () => (await stack.messagesOf(name)).length === 19, { what: 'all but one' });
  expect(await stack.messagesOf(name)).not.toContain('violation 105');
  await waitFor(async () => (await stack.metric('jspolicy_violations_dead_total')) === deadBefore + 1, {
    what: 'one dead',
  });
});

test('while the API server is away violations wait, the lag is told, and none is lost or a dead letter', async () => {
  const name = 'away.audit.example';
  await stack.makePolicy(name, { auditLogSize: 40 });
  const deadBefore = await stack.metric('jspolicy_violations_dead_total');
  await stack.kube.kill('SIGKILL');
  await stack.publishMany(name, 1, 30);
  await waitFor(async () => (await stack.metric('jspolicy_violations_pending')) >= 30, {
    what: 'the lag to be told',
  });
  await stack.kube.restart();
  await waitFor(async () => (await stack.messagesOf(name)).length === 30, { what: 'all of them' });
  expect((await stack.messagesOf(name)).at(-1)).toBe('violation 30');
  await waitFor(async () => (await stack.metric('jspolicy_violations_pending')) === 0, {
    what: 'no lag any more',
  });
  expect(await stack.metric('jspolicy_violations_dead_total')).toBe(deadBefore);
});

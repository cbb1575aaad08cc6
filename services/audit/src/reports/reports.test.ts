import type { ViolationData } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditStack, event, KINDS, startStack } from '../audit-stack.test-part.ts';
import { installReportKinds, OPEN_REPORTS, POLICY_REPORTS } from './report-crds.test-part.ts';

let stack: AuditStack;
let audit: Awaited<ReturnType<AuditStack['startAudit']>>;
beforeAll(async () => {
  stack = await startStack({ ENABLE_POLICY_REPORTS: 'true', POLICY_REPORT_MAX_EVENTS: '20' });
  await installReportKinds(stack, POLICY_REPORTS);
  audit = stack.first;
});
afterAll(() => stack?.stop());

const NAMESPACED = `${POLICY_REPORTS}/namespaces/default/policyreports`;

/** A policy's violation about a ConfigMap of the namespace default. */
async function violate(policy: { name: string; uid: string }, name: string, fields: Partial<ViolationData> = {}) {
  const { data, ...rest } = event(policy.name, 1);
  const at = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name };
  const object = { ...at, ...fields.object };
  const request = { uid: 'r', operation: 'CREATE', ...at, ...fields.request };
  const time = new Date().toISOString();
  await stack.publish(policy.name, {
    ...rest,
    time,
    data: { ...data, policyUid: policy.uid, ...fields, object, request },
  });
}

async function policyOf(name: string, annotations = {}) {
  const { metadata } = await stack.makePolicy(name, {}, annotations);
  return { name, uid: metadata.uid as string };
}

const reportsIn = async (path: string) => (await stack.call('GET', path)).body.items ?? [];
const reportOf = async (name: string, path = NAMESPACED) =>
  (await reportsIn(path)).find(({ scope }: { scope?: { name?: string } }) => scope?.name === name);
const until = (what: string, condition: () => Promise<unknown>) =>
  waitFor(async () => Boolean(await condition()), { what });

async function makeConfigMap(name: string): Promise<string> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} };
  return (await stack.call('POST', '/api/v1/namespaces/default/configmaps', object)).body.metadata.uid;
}

test('one report for each resource, in its namespace, with the results of all policies', async () => {
  const strict = await policyOf('strict.report.example', {
    'policy.jspolicy.com/category': 'Best Practices',
    'policy.jspolicy.com/severity': 'High',
  });
  const mild = await policyOf('mild.report.example', { 'policy.jspolicy.com/severity': 'unheard of' });
  await violate(strict, 'web', { object: { uid: 'o-1' }, message: 'x'.repeat(300) });
  await violate(mild, 'web', { action: 'Warn', object: { uid: 'o-1' } });
  await until('both results', async () => (await reportOf('web'))?.results.length === 2);
  const report = await reportOf('web');
  expect(report).toMatchObject({
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    metadata: { namespace: 'default', labels: { 'app.kubernetes.io/managed-by': 'jspolicy' } },
    scope: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'web', uid: 'o-1' },
    summary: { pass: 0, fail: 1, warn: 1, error: 0, skip: 0 },
  });
  const resources = [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'web', uid: 'o-1' }];
  const properties = {
    operation: 'CREATE',
    reason: 'Forbidden',
    code: '403',
    'userinfo.username': 'alice',
    'userinfo.uuid': 'alice-uid',
  };
  const told = { source: 'JsPolicy', resources, properties };
  const timestamp = { seconds: expect.any(Number), nanos: 0 };
  expect(report.results).toEqual([
    {
      ...told,
      policy: strict.name,
      category: 'Best Practices',
      severity: 'high',
      result: 'fail',
      message: `${'x'.repeat(253)}...`,
      timestamp,
    },
    { ...told, policy: mild.name, result: 'warn', message: 'violation 1', timestamp },
  ]);
});

test('what is said again is not written again; dry runs and Controller policies are not reported', async () => {
  const policy = await policyOf('again.report.example');
  await violate(policy, 'again', { object: { uid: 'o-1' } });
  await until('the report', () => reportOf('again'));
  const { metadata } = await reportOf('again');
  await violate(policy, 'again', { object: { uid: 'o-2' } });
  await violate(policy, 'again', { dryRun: true, message: 'dry run' });
  await violate(policy, 'again', { action: 'Controller', message: 'controller' });
  await violate(policy, 'after');
  await until('what came after', () => reportOf('after'));
  expect((await reportOf('again')).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test('kinds without a namespace have reports of the cluster', async () => {
  const policy = await policyOf('cluster.report.example');
  const node = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
  const { data, ...rest } = event(policy.name, 1);
  const time = new Date().toISOString();
  const told = {
    ...data,
    policyUid: policy.uid,
    action: 'Dry',
    object: node,
    request: { operation: 'UPDATE', ...node },
  };
  await stack.publish(policy.name, { ...rest, time, data: told });
  const path = `${POLICY_REPORTS}/clusterpolicyreports`;
  await until('the report', () => reportOf('node-1', path));
  expect(await reportOf('node-1', path)).toMatchObject({ kind: 'ClusterPolicyReport', summary: { skip: 1 } });
});

test('results go with their policy, and a report with its object', async () => {
  const stays = await policyOf('stays.report.example');
  const goes = await policyOf('goes.report.example');
  const uid = await makeConfigMap('mortal');
  const update = { action: 'Warn', request: { operation: 'UPDATE' }, object: { uid } } as const;
  await violate(stays, 'mortal', update);
  await violate(goes, 'mortal', update);
  await violate(goes, 'alone', update);
  await until('all results', async () => (await reportOf('mortal'))?.results.length === 2 && (await reportOf('alone')));
  await stack.call('DELETE', `${KINDS}/jspolicies/${goes.name}`);
  await until('the policy’s report to go', async () => !(await reportOf('alone')));
  await until('its result to go', async () => (await reportOf('mortal')).results.length === 1);
  expect((await reportOf('mortal')).results[0].policy).toBe(stays.name);
  await stack.call('DELETE', '/api/v1/namespaces/default/configmaps/mortal');
  await until('the object’s report to go', async () => !(await reportOf('mortal')));
});

test('a report has POLICY_REPORT_MAX_EVENTS results, the latest', async () => {
  const policy = await policyOf('bounded.report.example');
  const said = Array.from({ length: 25 }, (_, index) => `the ${index + 1}th`);
  for (const message of said) await violate(policy, 'bounded', { message });
  const told = async () =>
    ((await reportOf('bounded'))?.results ?? []).map(({ message }: { message: string }) => message).sort();
  await until('the last one', async () => (await told()).includes('the 25th'));
  expect(await told()).toEqual(said.slice(-20).sort());
});

test('after a restart reports are as the stream says: rebuilt, left as they are, or removed', async () => {
  const policy = await policyOf('restart.report.example');
  for (const name of ['kept', 'lost']) await violate(policy, name);
  await until('both reports', async () => (await reportOf('kept')) && (await reportOf('lost')));
  const kept = await reportOf('kept');
  const lost = await reportOf('lost');
  audit.kill('SIGKILL');
  await audit.exited;
  await stack.call('DELETE', `${NAMESPACED}/${lost.metadata.name}`);
  const { resourceVersion: _, uid: _uid, ...metadata } = kept.metadata;
  await stack.call('POST', NAMESPACED, { ...kept, metadata: { ...metadata, name: 'left-over' } });
  await stack.call('POST', NAMESPACED, { ...kept, metadata: { name: 'of-another-engine' } });
  const owner = { apiVersion: 'policy.jspolicy.com/v1beta1', kind: 'JsPolicy', name: policy.name, uid: policy.uid };
  const earlier = { name: 'js-policy-report-ns-default', ownerReferences: [owner] };
  await stack.call('POST', NAMESPACED, { ...kept, metadata: earlier });
  audit = await stack.startAudit();
  await until('the lost one', async () => (await reportOf('lost'))?.metadata.name === lost.metadata.name);
  const names = async () => (await reportsIn(NAMESPACED)).map((each: typeof kept) => each.metadata.name);
  await until('the ones that are left over to go', async () => !(await names()).includes('left-over'));
  expect(await names()).toContain('of-another-engine');
  expect(await names()).not.toContain('js-policy-report-ns-default');
  const now = await stack.call('GET', `${NAMESPACED}/${kept.metadata.name}`);
  expect(now.body.metadata.resourceVersion).toBe(kept.metadata.resourceVersion);
});

test('where OpenReports are served, reports are those, and none stands twice', async () => {
  await installReportKinds(stack, OPEN_REPORTS);
  await audit.stop();
  audit = await stack.startAudit();
  const path = `${OPEN_REPORTS}/namespaces/default/reports`;
  await until('the report', () => reportOf('kept', path));
  expect(await reportOf('kept', path)).toMatchObject({
    apiVersion: 'openreports.io/v1alpha1',
    kind: 'Report',
    source: 'JsPolicy',
    summary: { fail: 1 },
  });
  const others = await reportsIn(NAMESPACED);
  expect(others.map((each: { metadata: { name: string } }) => each.metadata.name)).toEqual(['of-another-engine']);
});

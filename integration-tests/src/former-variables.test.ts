import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsPolicySpec } from '@jspolicy/contracts';
import { admissionReview, pod, type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';

const GLOBAL_CONTEXT = `const ALLOWED = ["nginx"];
function refuseOthers(image) { if (!ALLOWED.includes(image)) deny(image + " is not allowed") }`;
const SHARED = 'shared.variables.example';
const WARNS = 'warns.variables.example';
const WORKS = 'works.variables.example';
const controller: JsPolicySpec = { type: 'Controller', operations: ['CREATE'], resources: ['configmaps'] };

let dir: TempDir;
let stack: Stack;

beforeAll(async () => {
  dir = await tempDir();
  await writeManifests(dir.path, [
    policy(SHARED, 'refuseOthers(request.object.spec.containers[0].image)'),
    policy(WARNS, 'deny("no")', { violationPolicy: 'Warn' }),
    policy(WORKS, 'deny("seen " + ALLOWED)', { ...controller, auditPolicy: 'Skip' }),
  ]);
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } };
  await writeFile(join(dir.path, 'object.json'), JSON.stringify(object));
  const evaluator = { GLOBAL_CONTEXT, PROFILING: 'true', VM_POOL_SIZE: '1' };
  stack = await startStack({ cluster: { manifests: dir.path }, evaluators: 1, env: { evaluator } });
});
afterAll(async () => {
  await stack?.stop();
  await dir?.remove();
});

const judged = (name: string, image: string) => {
  const object = pod();
  const [first] = object.spec.containers;
  return stack.webhook.judge(
    name,
    admissionReview({ object: { ...object, spec: { containers: [{ ...first, image }] } } }),
  );
};
const untilJudged = (name: string) =>
  waitFor(() => judged(name, 'nginx').catch(() => undefined), { what: `${name} to be served` });

test('GLOBAL_CONTEXT is there for every policy', async () => {
  await untilJudged(SHARED);
  expect(await judged(SHARED, 'nginx')).toMatchObject({ allowed: true });
  for (let time = 0; time < 3; time++) {
    expect(await judged(SHARED, 'evil')).toMatchObject({ allowed: false, status: { message: 'evil is not allowed' } });
  }
});

test('with PROFILING the time of each evaluation is logged, and metrics count by type, name and code', async () => {
  await untilJudged(WARNS);
  expect(await judged(WARNS, 'nginx')).toMatchObject({ allowed: true, warnings: [`[${WARNS}]: no`] });
  const [evaluator] = stack.processes.evaluator;
  if (!evaluator) throw new Error('no evaluator');
  const counted = async (labels: string) =>
    new RegExp(`^policy_execution_total\\{${labels}\\} [1-9]`, 'm').test(await stack.metrics(evaluator));
  for (const labels of [
    `type="Validating",name="${WARNS}",code="403"`,
    `type="Validating",name="${SHARED}",code="200"`,
    `type="Controller",name="${WORKS}",code="403"`,
  ]) {
    await waitFor(() => counted(labels), { what: labels });
  }
  const metrics = await stack.metrics(evaluator);
  for (const labels of [`type="Validating",name="${WARNS}"`, `type="Controller",name="${WORKS}"`]) {
    expect(metrics).toContain(`policy_execution_duration_seconds_count{${labels}}`);
  }
  for (const name of [WARNS, WORKS]) {
    const found = () =>
      evaluator.lines
        .map((line) => JSON.parse(line))
        .find(({ policy: about, tookMs }) => about === name && tookMs !== undefined);
    const logged = await waitFor(found, { what: `the line about ${name}` });
    expect(logged).toMatchObject({ msg: 'policy was evaluated', tookMs: expect.any(Number) });
  }
});

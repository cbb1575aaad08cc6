import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  admissionReview,
  type KubeApiServer,
  kubeForTest,
  pod,
  type TempDir,
  tempDir,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { policy, writeManifests } from './manifests.ts';
import { jspolicyUp, type UpCommand } from './up-command.ts';

const ENDS_SANDBOX = 'const a = []; for (;;) a.push(new Array(1e5).fill({}));';

let dir: TempDir;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir?.remove());

describe('jspolicy up --kubeconfig', () => {
  const name = 'no-latest.up.example';
  let kube: KubeApiServer;
  let up: UpCommand;
  let cluster: ClusterClient;

  beforeAll(async () => {
    kube = await kubeForTest();
    up = await jspolicyUp('--kubeconfig', kube.kubeconfigPath, '--data', join(dir.path, 'cluster'));
    cluster = new ClusterClient(kube);
    await cluster.createNamespace('team');
  });
  afterAll(async () => {
    await up?.stop();
    await kube?.stop();
  });

  test('a policy of the cluster is enforced, told, and its violation stands in the status', async () => {
    const javascript = 'if (request.object.spec.containers[0].image.endsWith(":latest")) deny("latest is no version")';
    await cluster.applyPolicy(policy(name, javascript));
    const latest = pod({ namespace: 'team', image: 'nginx:latest' });
    const denied = await waitFor(
      async () => {
        const answer = await cluster.createPod(latest);
        return answer.status === 403 && answer;
      },
      { what: 'the denial' },
    );
    expect(denied.body.message).toBe(`admission webhook "${name}" denied the request: latest is no version`);
    expect((await cluster.createPod(pod({ namespace: 'team' }))).status).toBe(201);
    expect(await cluster.violations(name, 1)).toMatchObject([
      { action: 'Deny', code: 403, message: 'latest is no version', requestInfo: { namespace: 'team', kind: 'Pod' } },
    ]);
    await waitFor(() => up.process.lines.includes(`${name}: enforced`), { what: 'the policy to be told' });
  });

  test('Ctrl-C ends it with 0; another one goes on with the policies of the cluster', async () => {
    await up.stop();
    expect(up.process.exit).toEqual({ code: 0, signal: null });
    up = await jspolicyUp('--kubeconfig', kube.kubeconfigPath, '--data', join(dir.path, 'cluster'));
    // In the table of the start, or a moment later.
    const enforced = new RegExp(`^${name}(: enforced| +Validating +Deny +enforced)$`);
    await waitFor(() => up.process.lines.some((line) => enforced.test(line)), { what: 'the policy to be told' });
    const again = pod({ namespace: 'team', name: 'again', image: 'nginx:latest' });
    await waitFor(async () => (await cluster.createPod(again)).status === 403, {
      what: 'the denial',
    });
  });
});

test('jspolicy up tells that a policy is quarantined, and when it is enforced again', async () => {
  const name = 'bomb.up.example';
  const manifests = join(dir.path, 'manifests');
  await mkdir(manifests);
  await writeManifests(manifests, [policy(name, ENDS_SANDBOX)]);
  // Little memory, so that the policy ends its sandbox before its time is over on a busy machine too.
  vi.stubEnv('SANDBOX_MEMORY_MIB', '16');
  const up = await jspolicyUp('--manifests', manifests, '--data', join(dir.path, 'local'), '--evaluators', '1');
  const told = (pattern: RegExp) => up.process.lines.find((line) => pattern.test(line));
  try {
    await waitFor(
      async () => {
        await up.webhook.review(name, admissionReview({ object: pod() }));
        return told(/^bomb\.up\.example: the policy's code ended its sandbox .* \(quarantined\)$/);
      },
      { what: 'the quarantine to be told' },
    );
    await waitFor(() => told(/^bomb\.up\.example: enforced$/), { what: 'its end to be told' });
  } finally {
    vi.unstubAllEnvs();
    await up.stop();
  }
});

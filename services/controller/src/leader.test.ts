import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, type BusReply, connectBus } from '@jspolicy/bus';
import { bundleDigest, COMPILE_SUBJECT, COMPILER_QUEUE } from '@jspolicy/contracts';
import { type DirectoryCluster, openDirectory } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TempDir, type TestNats, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLeading } from './leader.ts';
import { BUNDLES, POLICIES } from './resource-types.ts';

const NAME = 'fenced.controller.example';
const log = createLogger({ service: 'test', level: 'silent' });

let nats: TestNats;
let dir: TempDir;
let bus: Bus;
let cluster: DirectoryCluster;

beforeAll(async () => {
  [nats, dir] = await Promise.all([natsForTest(), tempDir()]);
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
  const manifest = {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name: NAME },
    spec: { operations: ['CREATE'], resources: ['pods'], javascript: 'deny()' },
  };
  await writeFile(join(dir.path, 'policy.json'), JSON.stringify(manifest));
  const state = join(dir.path, '.state');
  cluster = await openDirectory({ manifests: dir.path, state, log, onProblem: () => undefined });
});
afterAll(async () => {
  await cluster?.close();
  await bus?.close();
  await nats?.stop();
  await dir?.remove();
});

test('who leads no more writes nothing more, even when a compile that it waited for ends well', async () => {
  let answer: ((reply: BusReply) => void) | undefined;
  const compiler = bus.serve(COMPILE_SUBJECT, COMPILER_QUEUE, () => new Promise((resolve) => (answer = resolve)));
  const written: string[] = [];
  const leading = startLeading({
    cluster,
    bus,
    evaluators: { known: () => [], listen: () => () => undefined },
    target: {
      url: 'https://127.0.0.1:9',
      service: 'jspolicy',
      namespace: 'jspolicy',
      injectCaFrom: '',
      exemptNamespaces: [],
    },
    certificate: { keep: 'nothing' },
    compileTimeoutMs: 60_000,
    unusedBundleMs: 1,
    resyncMs: 60_000,
    keepOwnWebhooks: false,
    writeEvents: false,
    log,
    onWrite: (verb, kind) => written.push(`${verb} ${kind}`),
    onQueued: () => undefined,
    onFailed: (error) => {
      throw error;
    },
  });
  const reply = await waitFor(() => answer, { what: 'the compiler to be asked' });
  await leading.stop();
  reply({ status: 200, body: new TextEncoder().encode(compiled('deny()')), headers: {} });
  await compiler.stop();
  await leading.stop();
  expect(written).toEqual([]);
  expect(await bus.policies.get(NAME)).toBeUndefined();
  expect(await cluster.get(BUNDLES, NAME)).toBeUndefined();
  expect((await cluster.get(POLICIES, NAME))?.['status']).toBeUndefined();
});

const compiled = (script: string) => {
  const described = {
    script,
    isolation: 'kept' as const,
    isolationReason: '',
    preludeLength: 0,
    form: 'function-body' as const,
    hostCalls: [],
  };
  return JSON.stringify({ ok: true, warnings: [], bundle: { ...described, digest: bundleDigest(described) } });
};

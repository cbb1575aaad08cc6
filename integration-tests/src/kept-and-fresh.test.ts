import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Bundler, createBundler } from '@jspolicy/bundler';
import type { Bundle } from '@jspolicy/contracts';
import { createSandboxPool, type EvaluationResult, type Sandbox } from '@jspolicy/sandbox';
import { admissionReview, pod, type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTILE_POLICIES } from './hostile-policies.ts';
import { KEPT_POLICIES, type PolicyCase } from './kept-and-fresh-policies.ts';
import { TRICKY_POLICIES } from './tricky-policies.ts';

let work: TempDir;
let bundler: Bundler;
let sandbox: Sandbox;
beforeAll(async () => {
  work = await tempDir();
  // The same directory as the bundler's own tests: each package is asked for once.
  bundler = createBundler({ workDir: work.path, cacheDir: join(homedir(), '.cache', 'jspolicy', 'test-packages') });
  // One process, so that the second evaluation finds the context of the first.
  sandbox = createSandboxPool({ processes: 1 });
});
afterAll(async () => {
  await sandbox.stop();
  await bundler.close();
  await work.remove();
});

const REVIEW = Buffer.from(
  JSON.stringify(admissionReview({ object: pod({ labels: { app: 'web', constructor: 'x' } }), uid: 'u-1' })),
);

async function bundleOf({ source, dependencies = {} }: PolicyCase): Promise<Bundle> {
  const reply = await bundler.compile({ kind: 'source', policy: 'p.test.example', source, dependencies });
  if (!reply.ok) throw new Error(reply.message);
  return reply.bundle;
}

async function evaluate(bundle: Bundle): Promise<Pick<EvaluationResult, 'kind'>> {
  await sandbox.load(bundle);
  return sandbox.evaluate({
    policy: 'p.test.example',
    type: 'Validating',
    digest: bundle.digest,
    review: REVIEW,
    limitMs: 120_000,
    host: { call: async () => ({}), print: () => {} },
  });
}

const fresh = (bundle: Bundle): Bundle => ({
  ...bundle,
  isolation: 'request',
  digest: createHash('sha256').update(`fresh ${bundle.digest}`).digest('hex'),
});

async function expectAlike(bundle: Bundle): Promise<void> {
  const wanted = await evaluate(fresh(bundle));
  expect(await evaluate(bundle)).toEqual(wanted);
  expect(await evaluate(bundle)).toEqual(wanted);
}

describe('a kept context gives what a fresh one gives', () => {
  it.each(KEPT_POLICIES)('$what', async (policy) => {
    const bundle = await bundleOf(policy);
    expect([bundle.isolation, bundle.isolationReason]).toEqual(['kept', expect.any(String)]);
    await expectAlike(bundle);
  });
});

describe('tricks of the language', () => {
  it.each(TRICKY_POLICIES)('$what', async (policy) => expectAlike(await bundleOf(policy)));
});

describe('what reaches for built-in objects', () => {
  it.each(HOSTILE_POLICIES)('$what', async (policy) => {
    const bundle = await bundleOf(policy);
    // Neither is a matter of luck: what is kept must not differ, and what is known to differ is not kept.
    if (bundle.isolation === 'kept') await expectAlike(bundle);
    else expect(bundle.isolationReason).toMatch(/ at javascript:\d+:\d+/);
  });
});

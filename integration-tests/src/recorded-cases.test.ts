import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type KubeApiServer, kubeForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { INTENDED_DIFFERENCES } from './intended-differences.ts';
import { type Stack, startStack } from './stack.ts';

/** A folder with cases that were recorded from jsPolicy, and the tool that posts them to an engine and compares. */
const ORACLE = process.env['JSPOLICY_ORACLE_DIR'];
const REPLAY = join(ORACLE ?? '', 'replay.mjs');
/** The server that the cases of fetchSync() call is started by the tool, always there. */
const FIXTURES = '127.0.0.1:21555';

describe.skipIf(!ORACLE || !existsSync(REPLAY))('what jsPolicy answered', () => {
  let kube: KubeApiServer;
  let stack: Stack;

  beforeAll(async () => {
    kube = await kubeForTest();
    const evaluator = { ENV_PREFIXES: 'ORACLE_', ORACLE_ENV: 'oracle-value', FETCH_HOSTS: FIXTURES };
    stack = await startStack({ cluster: { kube }, env: { evaluator } });
    await new ClusterClient(kube).servesKinds();
  });
  afterAll(async () => {
    await stack?.stop();
    await kube?.stop();
  });

  test('is answered, apart from what differs on purpose', { timeout: 300_000 }, async () => {
    const verdicts = await replay(stack, kube);
    expect(verdicts.size).toBeGreaterThan(0);
    const different = [...verdicts].filter(([, verdict]) => verdict === 'different' || verdict === 'error');
    expect(different.map(([name]) => name).sort()).toEqual([...INTENDED_DIFFERENCES].sort());
  });
});

/** Verdict by case: equal, order (of independent patch operations), stack (places), different, error. */
async function replay({ webhook }: Stack, { url, token }: KubeApiServer): Promise<Map<string, string>> {
  const args = [REPLAY, webhook.url, join(ORACLE ?? '', 'cases'), '--api', url, '--token', token, '--apply', '-v'];
  const child = spawn(process.execPath, args, {
    // The tool knows no CA: it talks to two servers on this machine that this test started.
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const verdicts = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, verdict, name] = /^(equal|order|stack|different|error) +(\S+)/.exec(line) ?? [];
    if (verdict && name) verdicts.set(name, verdict);
  }
  return verdicts;
}

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type KubeApiServer, kubeForTest, kubeRequest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ClusterClient } from './cluster-client.ts';
import { INTENDED_DIFFERENCES } from './intended-differences.ts';
import { oracleFolder } from './material.ts';
import { type Stack, startStack } from './stack.ts';

const ORACLE = oracleFolder();
const REPLAY = join(ORACLE ?? '', 'replay.mjs');
/** What the cases of fetchSync() call: a server that the tool starts, the API server, and where nobody listens. */
const KUBE_PORT = 21644;
const FETCH_HOSTS = `127.0.0.1:21555,127.0.0.1:${KUBE_PORT},127.0.0.1:21999`;
/** As whom jsPolicy ran, with the rights that stand beside the cases. */
const USER = 'system:serviceaccount:jspolicy:jspolicy';

describe.skipIf(!ORACLE || !existsSync(REPLAY))('what jsPolicy answered', () => {
  let kube: KubeApiServer;
  let stack: Stack;

  beforeAll(async () => {
    kube = await kubeForTest({ port: KUBE_PORT, users: [{ name: USER, groups: [] }] });
    const env = { ENV_PREFIXES: 'ORACLE_,KUBE_NAMESPACE', ORACLE_ENV: 'oracle-value', KUBE_NAMESPACE: 'jspolicy' };
    const kubeconfigPath = await grantRights(kube);
    stack = await startStack({
      cluster: { kube: { ...kube, kubeconfigPath } },
      env: { evaluator: { ...env, FETCH_HOSTS, FILES_DIR: '/' } },
    });
    await new ClusterClient(kube).servesKinds();
    await defineKinds(kube);
  });
  afterAll(async () => {
    await stack?.stop();
    await kube?.stop();
  });

  test('is answered, apart from what differs on purpose', async () => {
    const verdicts = await replay(stack, kube);
    expect(verdicts.size).toBeGreaterThan(0);
    const different = [...verdicts].filter(([, verdict]) => verdict === 'different' || verdict === 'error');
    expect(different.map(([name]) => name).sort()).toEqual([...INTENDED_DIFFERENCES].sort());
  });
});

/** The kubeconfig of the user. */
async function grantRights(kube: KubeApiServer): Promise<string> {
  const documents = parseAllDocuments(await readFile(join(ORACLE ?? '', 'rbac.yaml'), 'utf8'));
  for (const object of documents.map((document) => document.toJS())) {
    await kubeRequest(kube, 'POST', `/apis/${object.apiVersion}/${object.kind.toLowerCase()}s`, object);
  }
  const kubeconfig = `${kube.kubeconfigPath}.user`;
  const admin = await readFile(kube.kubeconfigPath, 'utf8');
  await writeFile(kubeconfig, admin.replaceAll(kube.token, kube.tokens[USER] ?? ''));
  return kubeconfig;
}

/** Kinds that cases define: the tool does not wait until they are served. */
async function defineKinds(kube: KubeApiServer): Promise<void> {
  const cases = join(ORACLE ?? '', 'cases');
  for (const file of await readdir(cases)) {
    const { objects = [] } = JSON.parse(await readFile(join(cases, file), 'utf8'));
    for (const object of objects.filter(({ kind }: { kind: string }) => kind === 'CustomResourceDefinition')) {
      const { group, names, versions } = object.spec;
      await kubeRequest(kube, 'POST', `/apis/${object.apiVersion}/customresourcedefinitions`, object);
      const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
      await waitFor(async () => (await kubeRequest(kube, 'GET', path)).status === 200, {
        what: `${path} to be served`,
      });
    }
  }
}

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

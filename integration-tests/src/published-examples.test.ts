import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KubeApiServer, kubeForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ClusterClient } from './cluster-client.ts';
import { seedsFolder } from './material.ts';
import { type Stack, startStack } from './stack.ts';

const SEEDS = seedsFolder();
const AWS_POST = '002_29167e2da5f649ac.txt';
const ACCOUNT_ID = 'XXXXXXXX';

describe.skipIf(!SEEDS)('the policies of the AWS post, verbatim (JSPOLICY_SEEDS_DIR)', () => {
  let kube: KubeApiServer;
  let stack: Stack;
  let cluster: ClusterClient;
  let post: string;

  /** The text between `cat > FILE << EOF` and `EOF`, with the shell's substitution of the account. */
  // biome-ignore lint/suspicious/noExplicitAny: a manifest of any kind.
  const manifest = (file: string): any => {
    const body = new RegExp(`cat > ${file} << EOF\\n([\\s\\S]*?)\\nEOF`, 'i').exec(post)?.[1];
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's variable in the post.
    return parse((body ?? '').replaceAll('${ACCOUNT_ID}', ACCOUNT_ID));
  };
  /** What kubectl printed in the post, from the message on, white space aside. */
  const messages = () => [...post.matchAll(/denied the request: (.*)/g)].map(([, message]) => squeezed(message ?? ''));
  const squeezed = (text: string) => text.replace(/\s+/g, ' ').trim();
  const denial = async (path: string, object: unknown) => {
    const answer = await waitFor(
      async () => {
        const created = await cluster.call('POST', `${path}?dryRun=All`, object);
        return created.status !== 201 && created;
      },
      { what: 'a denial' },
    );
    return squeezed(answer.body.message);
  };

  beforeAll(async () => {
    post = readFileSync(join(SEEDS ?? '', AWS_POST), 'utf8');
    kube = await kubeForTest();
    stack = await startStack({ cluster: { kube } });
    cluster = new ClusterClient(kube);
    await cluster.servesKinds();
    await cluster.createNamespace('web');
  });
  afterAll(async () => {
    await stack?.stop();
    await kube?.stop();
  });

  test('nothing is created in the namespace default', async () => {
    await cluster.applyPolicy(manifest('deny-default-ns-policy.yaml'));
    const message = await denial('/api/v1/namespaces/default/pods', manifest('nginx.yaml'));
    expect(message).toBe(`admission webhook "deny-default-namespace.example.com" denied the request: ${messages()[0]}`);
    const pod = manifest('nginx.yaml');
    pod.metadata.namespace = 'web';
    expect((await cluster.call('POST', '/api/v1/namespaces/web/pods?dryRun=All', pod)).status).toBe(201);
  });

  test('images come from the listed registries only', async () => {
    await cluster.applyPolicy(manifest('enforce-image-registry.yaml'));
    const message = await denial('/apis/apps/v1/namespaces/web/deployments', manifest('nginx_deployment.yaml'));
    expect(message).toBe(
      `admission webhook "deny-untrusted-registries.example.com" denied the request: ${messages()[1]}`,
    );
  });

  test('both violations stand in the status', async () => {
    for (const name of ['deny-default-namespace.example.com', 'deny-untrusted-registries.example.com']) {
      const violations = await cluster.violations(name, 1);
      expect(violations[0]).toMatchObject({ action: 'Deny', code: 403, reason: 'Forbidden' });
    }
  });
});

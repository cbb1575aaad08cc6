import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startKubeApiServer } from './kube-apiserver.ts';
import { kubeStatus } from './kube-probe.ts';

test('serves with a CA, tokens and RBAC, survives being killed, and ends twice', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  const kube = await startKubeApiServer({ dir, onProgress, users: [{ name: 'dev', groups: ['devs'] }] });
  const status = (path: string, token: string) => kubeStatus(kube.url + path, kube.caFile, token);
  const secrets = '/api/v1/namespaces/default/secrets';
  try {
    expect(await status(secrets, kube.token)).toBe(200);
    expect(await status(secrets, kube.tokens.dev ?? '')).toBe(403);
    expect(await status(secrets, 'nobody')).toBe(401);
    expect(JSON.parse(await readFile(kube.kubeconfigPath, 'utf8'))).toMatchObject({
      clusters: [{ cluster: { server: kube.url, 'certificate-authority': kube.caFile } }],
      users: [{ user: { token: kube.token } }],
    });
    await kube.kill('SIGKILL');
    expect(await status('/readyz', kube.token)).toBeUndefined();
    await kube.restart();
    expect(await status(secrets, kube.token)).toBe(200);
  } finally {
    await kube.stop();
    await kube.stop();
    await rm(dir, { recursive: true });
  }
});

import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a kube-apiserver that runs in this folder keeps its files. */
export function kubeFiles(dir: string) {
  return {
    serviceAccountKey: join(dir, 'service-account.key'),
    tokens: join(dir, 'tokens.csv'),
    certDir: join(dir, 'certs'),
    /** The server writes its certificate and the one that signed it there. */
    ca: join(dir, 'certs', 'apiserver.crt'),
    kubeconfig: join(dir, 'kubeconfig'),
    log: join(dir, 'kube-apiserver.log'),
  };
}

/** Writes what has to be there before the server starts. The key stays, so that its tokens stay good. */
export async function prepareKubeFiles(dir: string, tokensCsv: string): Promise<void> {
  const files = kubeFiles(dir);
  await mkdir(dir, { recursive: true });
  // The server makes new ones; old ones would expire some day.
  await rm(files.certDir, { recursive: true, force: true });
  await writeFile(files.tokens, tokensCsv, { mode: 0o600 });
  if (!existsSync(files.serviceAccountKey)) await writeFile(files.serviceAccountKey, newKey(), { mode: 0o600 });
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** JSON is YAML. */
export async function writeKubeconfig(dir: string, url: string, token: string): Promise<void> {
  const { kubeconfig, ca } = kubeFiles(dir);
  const name = 'jspolicy';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority': ca } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(kubeconfig, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

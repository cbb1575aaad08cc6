import { readFile, writeFile } from 'node:fs/promises';
import type { KubeApiServer } from '@jspolicy/testing';

/** A copy of the kubeconfig with the token of another user. */
export async function kubeconfigOf(kube: KubeApiServer, user: string): Promise<string> {
  const path = `${kube.kubeconfigPath}.${user.replaceAll(':', '-')}`;
  const admin = await readFile(kube.kubeconfigPath, 'utf8');
  await writeFile(path, admin.replaceAll(kube.token, kube.tokens[user] ?? ''));
  return path;
}

import { type Child, startChild } from './child.ts';
import { ETCD_URL } from './etcd.ts';
import { kubeFiles } from './kube-files.ts';
import { kubeStatus } from './kube-probe.ts';
import { untilServing } from './serving.ts';

const START_TIMEOUT_MS = 180_000;

export interface KubeProcessOptions {
  command: string;
  dir: string;
  port: number;
  token: string;
  flags: string[];
  etcd: Child;
}

/** Starts kube-apiserver beside its etcd. Resolves when it is ready and has made its default namespace. */
export async function startKubeProcess({ command, dir, port, token, flags, etcd }: KubeProcessOptions): Promise<Child> {
  const { ca, log } = kubeFiles(dir);
  const args = [...flagsFor(dir, port), ...flags];
  const child = await startChild({ name: 'kube-apiserver', command, args, cwd: dir, logFile: log });
  const answers = async (path: string) => (await kubeStatus(`https://127.0.0.1:${port}${path}`, ca, token)) === 200;
  try {
    await untilServing([etcd, child], START_TIMEOUT_MS, async () => (await answers('/readyz')) || undefined);
    // It makes this one itself, a moment after it is ready.
    await untilServing([etcd, child], START_TIMEOUT_MS, async () => (await answers(DEFAULT_NAMESPACE)) || undefined);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

const DEFAULT_NAMESPACE = '/api/v1/namespaces/default';

function flagsFor(dir: string, port: number): string[] {
  const files = kubeFiles(dir);
  return [
    `--etcd-servers=${ETCD_URL}`,
    '--bind-address=127.0.0.1',
    // Without it the server looks for a default route, which a machine without a net does not have.
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${files.certDir}`,
    `--token-auth-file=${files.tokens}`,
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    // As clusters have it: what a privileged pod may do is then said by policies, not by the schema.
    '--allow-privileged=true',
    // No controller makes service accounts here, and pods would wait for theirs.
    '--disable-admission-plugins=ServiceAccount',
    // A loopback address is no endpoint that it accepts.
    '--endpoint-reconciler-type=none',
  ];
}

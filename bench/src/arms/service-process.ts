import { join, resolve } from 'node:path';
import { SERVICE_NODE_FLAGS } from '@jspolicy/runtime';
import { startProcess, type TestProcess } from '@jspolicy/testing';

const ROOT = resolve(import.meta.dirname, '../../..');
const READY = /"msg":"ready"/;

export const CRDS_DIR = join(ROOT, 'k8s/crds');
export const serviceMain = (service: string): string => join(ROOT, 'services', service, 'dist/main.js');
export const armMain = (name: string): string => join(ROOT, 'bench/dist/arms', `${name}-main.js`);

/** Our own variables must not come from the user's shell: figures of two machines would not be the same thing. */
const UNSET = {
  KUBECONFIG: '',
  MANIFESTS_DIR: '',
  STATE_DIR: '',
  KUBERNETES_SERVICE_HOST: '',
  HEALTH_PORT: '',
  NODE_OPTIONS: '',
};

export interface ServiceProcessOptions {
  main: string;
  env: Record<string, string>;
  /** A CPU profile is written there when the process ends. */
  profileDir?: string | undefined;
}

/** Starts one service of ours, or one of the floor's. Resolves when it says that it is ready. */
export function startService({ main, env, profileDir }: ServiceProcessOptions): Promise<TestProcess> {
  const profile = profileDir ? ['--cpu-prof', '--cpu-prof-dir', profileDir] : [];
  return startProcess(process.execPath, [...SERVICE_NODE_FLAGS, ...profile, main], {
    env: { ...UNSET, LOG_LEVEL: 'info', ...env },
    readyWhen: READY,
    readyTimeoutMs: 60_000,
  });
}

/** The port that a service told when it was ready. */
export function portOf({ lines, name }: TestProcess): number {
  const line = lines.find((each) => READY.test(each)) ?? '{}';
  const { port } = JSON.parse(line) as { port?: number };
  if (port === undefined) throw new Error(`${name} told no port`);
  return port;
}

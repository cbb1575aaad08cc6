import { waitFor } from '@jspolicy/testing';
import { get, kubectl } from '../command.ts';
import { deployment, NAMESPACE, settled } from '../engine.ts';

const SECRET = 'jspolicy-webhook-cert';
const LIFE = 'CERTIFICATE_SECONDS';
/** Renewed when 120 s of it are over: 60 s are left to tell the API server of the new authority. */
const SHORT_SECONDS = 180;
const PATIENCE = { timeoutMs: 240_000, pollMs: 1_000 };

/** A certificate is made anew because its Secret was deleted, and then by its age. */
export async function renewCertificate(): Promise<string> {
  const life = await lifeSeconds();
  const first = await served();
  await setLife(SHORT_SECONDS);
  await kubectl('scale', deployment('controller'), '-n', NAMESPACE, '--replicas=0');
  await settled('controller', 0);
  await kubectl('delete', 'secret', SECRET, '-n', NAMESPACE);
  await kubectl('scale', deployment('controller'), '-n', NAMESPACE, '--replicas=2');
  const second = await another(first);
  await setLife(life);
  await settled('controller', 2);
  await another(second);
  return 'renewed once by hand and once by age';
}

async function lifeSeconds(): Promise<number> {
  const { spec } = await get(deployment('controller'), '-n', NAMESPACE);
  const env: { name: string; value?: string }[] = spec.template.spec.containers[0].env;
  return Number(env.find(({ name }) => name === LIFE)?.value);
}

async function setLife(seconds: number): Promise<void> {
  await kubectl('set', 'env', deployment('controller'), '-n', NAMESPACE, `${LIFE}=${seconds}`);
  await kubectl('rollout', 'status', deployment('controller'), '-n', NAMESPACE, '--timeout=3m');
}

const served = async (): Promise<string | undefined> => (await get('secret', SECRET, '-n', NAMESPACE)).data['tls.crt'];

/** Waits until gateways are given another certificate than this one. */
const another = (before: string | undefined): Promise<string | undefined> =>
  waitFor(
    async () => {
      const now = await served();
      return now !== before && now;
    },
    { what: 'another certificate', ...PATIENCE },
  );

import { waitFor } from '@jspolicy/testing';
import { get, kubectl } from '../command.ts';
import { deployment, NAMESPACE, pods, settled } from '../engine.ts';

const SECRET = 'jspolicy-webhook-cert';
const LIFE = 'CERTIFICATE_SECONDS';
/** Renewed when 160 s of it are over: 80 s are left to tell the API server of the new authority. */
const SHORT_SECONDS = 240;
const REMAINING = /^jspolicy_gateway_certificate_remaining_seconds (\S+)$/m;
const PATIENCE = { timeoutMs: 240_000, pollMs: 1_000 };

/** A certificate is made anew because its Secret was deleted, and then by its age. */
export async function renewCertificate(): Promise<string> {
  const life = await lifeSeconds();
  const first = await given();
  let second: string | undefined;
  try {
    await setLife(SHORT_SECONDS);
    await deleteSecret();
    second = await another(first);
    await everyGatewayServes((remaining) => remaining <= SHORT_SECONDS);
  } finally {
    await setLife(life);
  }
  await settled('controller', 2);
  await another(second);
  await everyGatewayServes((remaining) => remaining > SHORT_SECONDS);
  return 'renewed once by hand and once by age';
}

/** As docs/operations.md says. */
async function deleteSecret(): Promise<void> {
  try {
    await scaleController(0);
    await settled('controller', 0);
    await kubectl('delete', 'secret', SECRET, '-n', NAMESPACE);
  } finally {
    await scaleController(2);
  }
}

const scaleController = (replicas: number): Promise<string> =>
  kubectl('scale', deployment('controller'), '-n', NAMESPACE, `--replicas=${replicas}`);

async function lifeSeconds(): Promise<number> {
  const { spec } = await get(deployment('controller'), '-n', NAMESPACE);
  const env: { name: string; value?: string }[] = spec.template.spec.containers[0].env;
  return Number(env.find(({ name }) => name === LIFE)?.value);
}

async function setLife(seconds: number): Promise<void> {
  await kubectl('set', 'env', deployment('controller'), '-n', NAMESPACE, `${LIFE}=${seconds}`);
  await kubectl('rollout', 'status', deployment('controller'), '-n', NAMESPACE, '--timeout=3m');
}

const given = async (): Promise<string | undefined> => (await get('secret', SECRET, '-n', NAMESPACE)).data['tls.crt'];

/** Waits until the Secret holds another certificate than this one. */
const another = (before: string | undefined): Promise<string | undefined> =>
  waitFor(
    async () => {
      const now = await given();
      return now !== before && now;
    },
    { what: 'another certificate', ...PATIENCE },
  );

/** By the rest of its life that a gateway tells of the certificate that it serves. */
async function everyGatewayServes(isThisOne: (remainingSeconds: number) => boolean): Promise<void> {
  const serves = async ({ name }: { name: string }) => {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${name}:9080/proxy/metrics`;
    const metrics = await kubectl('get', '--raw', path);
    return isThisOne(Number(REMAINING.exec(metrics)?.[1] ?? Number.NaN));
  };
  const all = async () => {
    const gateways = (await pods()).filter(({ component }) => component === 'gateway');
    return gateways.length > 0 && (await Promise.all(gateways.map(serves))).every(Boolean);
  };
  await waitFor(all, { what: 'every gateway to serve the new certificate', ...PATIENCE });
}

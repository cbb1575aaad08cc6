import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ResourceType } from '../port.ts';
import { type ApiServerCluster, connectApiServer } from './connect.ts';
import type { Lease } from './lease-record.ts';
import { kubeconfigThrough, type TcpProxy, tcpProxy } from './tcp-proxy.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
/** So long that no holder loses its Lease because its machine is slow. */
const electionTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 12_000, retryPeriodMs: 2_000 };
let kube: KubeApiServer;
let proxy: TcpProxy;
let a: ApiServerCluster;
let b: ApiServerCluster;
let leases: ResourceType;

beforeAll(async () => {
  kube = await kubeForTest();
  proxy = await tcpProxy(kube.port);
  const through = await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port });
  a = await connectApiServer({ kubeconfig: through, log, electionTimes, namespace: 'engine' });
  b = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log, electionTimes, namespace: 'engine' });
  leases = await b.resolve('coordination.k8s.io/v1', 'Lease');
});

afterAll(async () => {
  a?.close();
  b?.close();
  await proxy?.stop();
  await kube?.stop();
});

/** Who holds it, in the order of the calls: `+a`, `-a`, `+b`. */
function candidates(name: string) {
  const told: string[] = [];
  const enter = (cluster: ApiServerCluster, identity: string) =>
    cluster.elect(name, identity, {
      onAcquired: () => told.push(`+${identity}`),
      onLost: () => told.push(`-${identity}`),
    });
  const until = (last: string) => waitFor(() => told.at(-1) === last, { what: `${last} after ${told}` });
  const spec = async () => ((await b.get(leases, name, 'engine')) as Lease | undefined)?.spec;
  return { told, enter, until, spec };
}

test('a Lease is held by one, renewed, and given back on stop', async () => {
  const { told, enter, until, spec } = candidates('handover');
  const first = enter(a, 'a');
  await until('+a');
  const second = enter(b, 'b');
  const before = await spec();
  expect(before).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  const renewed = await waitFor(
    async () => {
      const now = await spec();
      return now?.renewTime === before?.renewTime ? undefined : now;
    },
    { what: 'a renewal' },
  );
  expect(renewed.acquireTime).toBe(before?.acquireTime);
  await first.stop();
  await until('+b');
  expect(told).toEqual(['+a', '-a', '+b']);
  expect(await spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  await second.stop();
  await second.stop();
  expect(await spec()).toMatchObject({ holderIdentity: '' });
});

test('a holder that is cut off gives up before another takes over, and may come back later', async () => {
  const { told, enter, until } = candidates('cut');
  const first = enter(a, 'a');
  await until('+a');
  const second = enter(b, 'b');
  proxy.cut();
  await until('+b');
  expect(told).toEqual(['+a', '-a', '+b']);
  proxy.mend();
  await second.stop();
  await until('+a');
  await first.stop();
  expect(told).toEqual(['+a', '-a', '+b', '-b', '+a', '-a']);
});

test('a holder whose Lease was taken by force gives up', async () => {
  const { told, enter, until, spec } = candidates('force');
  const first = enter(a, 'a');
  await until('+a');
  await waitFor(
    async () => {
      const lease = (await b.get(leases, 'force', 'engine')) as Lease;
      return b.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: 'other', leaseDurationSeconds: 60 } });
    },
    { what: 'the lease to be taken' },
  );
  await until('-a');
  await first.stop();
  expect(told).toEqual(['+a', '-a']);
  expect(await spec()).toMatchObject({ holderIdentity: 'other' });
});

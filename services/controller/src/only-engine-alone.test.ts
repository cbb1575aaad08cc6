import { type Cluster, KubeError, type WatchHandler } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { OnlyEngine } from './only-engine.ts';
import type { EngineLease } from './working-engines.ts';

const lease = (namespace: string, creationTimestamp: string, renewTime = '1'): EngineLease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'jspolicy-controller', namespace, creationTimestamp },
  spec: { holderIdentity: 'somebody', renewTime },
});

/** An engine of the namespace `own`, whose watch and work the test holds in its hands. */
function engine() {
  const told: string[] = [];
  const begun = Promise.withResolvers<void>();
  let handler: WatchHandler | undefined;
  const cluster: Pick<Cluster, 'watch'> = {
    watch: (_type, given) => {
      handler = given;
      return { stop: async () => undefined };
    },
  };
  const only = new OnlyEngine({
    cluster,
    namespace: 'own',
    log: createLogger({ service: 'test', level: 'silent' }),
    begin: async () => {
      told.push('begins');
      await begun.promise;
      return { stop: async () => void told.push('ended') };
    },
  });
  const starting = only.start();
  return { told, begin: begun.resolve, only, starting, watch: handler as unknown as WatchHandler };
}

test('work that is being begun when it is ended is ended too', async () => {
  const { told, begin, only, starting, watch } = engine();
  watch.onSynced();
  await waitFor(() => told.length === 1, { what: 'work to be begun' });
  const stopped = only.stop();
  begin();
  await Promise.all([starting, stopped]);
  expect(told).toEqual(['begins', 'ended']);
});

test('an API server that fails hides nobody: what it has is waited for; one that refuses is not', async () => {
  const { told, begin, only, starting, watch } = engine();
  begin();
  watch.onError(new KubeError(500, 'InternalError', 'the API server restarts'));
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  watch.onError(new KubeError(403, 'Forbidden', 'no right'));
  await starting;
  expect(told).toEqual(['begins']);
  await only.stop();
});

test('a new replica of an engine that works gives way to no younger one', async () => {
  const { told, begin, only, starting, watch } = engine();
  begin();
  watch.onChange(lease('own', '2026-01-01T00:00:00Z'));
  watch.onChange(lease('younger', '2026-01-02T00:00:00Z'));
  watch.onSynced();
  await starting;
  // Its own may have died, and the other one may have taken its place.
  expect(only.problem()).toMatch('the namespace younger:');
  watch.onChange(lease('own', '2026-01-01T00:00:00Z', '2'));
  await waitFor(() => told.length === 1, { what: 'work to be begun beside its own engine’s' });
  expect(only.problem()).toBeUndefined();
  await only.stop();
});

test('the Lease that a dead engine left does not displace one that works when its watch fails', async () => {
  const { told, begin, only, starting, watch } = engine();
  begin();
  watch.onChange(lease('dead', '2026-01-01T00:00:00Z'));
  watch.onSynced();
  await starting;
  expect(only.problem()).toMatch('the namespace dead:');
  await waitFor(() => told.length === 1, { what: 'work to be begun, for nobody renews that Lease' });
  watch.onChange(lease('own', '2026-01-03T00:00:00Z'));
  watch.onError(new KubeError(500, 'InternalError', 'the API server restarts'));
  // One look later the oldest that works is told, and this one does work.
  watch.onChange(lease('alive', '2026-01-02T00:00:00Z'));
  expect(await waitFor(() => only.problem(), { what: 'a look' })).toMatch('the namespace alive:');
  await only.stop();
}, 240_000);

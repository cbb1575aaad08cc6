import { type Bus, connectBus } from '@jspolicy/bus';
import { type Bundle, bundleDigest, type PolicyRecord } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import type { Sandbox } from '@jspolicy/sandbox';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PolicyLookup } from './policy-lookup.ts';
import { PolicyTable } from './policy-table.ts';
import { watchPolicies } from './watch-policies.ts';

const log = createLogger({ service: 'test', level: 'silent' });
let nats: TestNats;
let bus: Bus;
let loaded: Set<string>;
let table: PolicyTable;

/** Only remembers what is loaded: evaluating is not this file's matter. */
const sandbox: Sandbox = {
  load: async ({ digest, script }) => {
    if (script === 'hangs') await new Promise(() => undefined);
    loaded.add(digest);
  },
  unload: (digest) => void loaded.delete(digest),
  evaluate: async () => ({ kind: 'refused', message: 'evaluates nothing' }),
  stop: async () => undefined,
};

beforeAll(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});
beforeEach(() => {
  loaded = new Set();
  table = new PolicyTable({ bus, sandbox, log });
});

function bundle(script: string): Bundle {
  const described = {
    isolation: 'kept' as const,
    isolationReason: '',
    preludeLength: 0,
    form: 'function-body' as const,
    hostCalls: [],
    script,
  };
  return { ...described, digest: bundleDigest(described) };
}

function record(name: string, generation: number, script?: string): PolicyRecord {
  const defaults = { type: 'Validating', failurePolicy: 'Fail', violationPolicy: 'Deny', auditPolicy: 'Log' } as const;
  const { script: _, ...info } = bundle(script ?? '');
  const base = { schema: 1, name, uid: 'u', generation, ...defaults, auditLogSize: 10, timeoutSeconds: 10 } as const;
  return script === undefined ? { ...base, bundleError: 'missing' } : { ...base, bundle: info };
}

const generation = (name: string) => table.get(name)?.generation;

test('a record is in force with its bundle; the one before it leaves', async () => {
  await bus.bundles.put(bundle('a1'));
  await bus.bundles.put(bundle('a2'));
  await table.put(record('a.example.com', 1, 'a1'));
  expect(loaded).toEqual(new Set([bundle('a1').digest]));
  await table.put(record('a.example.com', 2, 'a2'));
  expect(generation('a.example.com')).toBe(2);
  expect(loaded).toEqual(new Set([bundle('a2').digest]));
  table.remove('a.example.com');
  expect(generation('a.example.com')).toBeUndefined();
  expect(loaded.size).toBe(0);
});

test('a bundle that two policies share stays until both are gone', async () => {
  await bus.bundles.put(bundle('same'));
  await Promise.all([table.put(record('a.example.com', 1, 'same')), table.put(record('b.example.com', 1, 'same'))]);
  table.remove('a.example.com');
  expect(loaded.size).toBe(1);
  table.remove('b.example.com');
  expect(loaded.size).toBe(0);
});

test('a bundle that is missing is asked for again; the last good one stays in force', async () => {
  await bus.bundles.put(bundle('b1'));
  await table.put(record('b.example.com', 1, 'b1'));
  await table.put(record('b.example.com', 2, 'b2 comes late'));
  expect(generation('b.example.com')).toBe(1);
  await bus.bundles.put(bundle('b2 comes late'));
  await waitFor(() => generation('b.example.com') === 2, { what: 'the late bundle in force' });
  expect(loaded).toEqual(new Set([bundle('b2 comes late').digest]));
});

test('the newest record wins, in whatever order bundles are loaded', async () => {
  await bus.bundles.put(bundle('c'));
  await Promise.all([table.put(record('c.example.com', 1, 'c')), table.put(record('c.example.com', 2))]);
  expect(table.get('c.example.com')).toMatchObject({ generation: 2, bundleError: 'missing' });
  expect(loaded.size).toBe(0);
});

test('a newer record does not wait for the bundle of the one before it', async () => {
  await bus.bundles.put(bundle('hangs'));
  await bus.bundles.put(bundle('quick'));
  void table.put(record('h.example.com', 1, 'hangs'));
  await table.put(record('h.example.com', 2, 'quick'));
  expect(generation('h.example.com')).toBe(2);
});

test('watching: all that exist are in force first, then changes follow', async () => {
  await bus.bundles.put(bundle('d'));
  await bus.policies.put(record('d.example.com', 1, 'd'));
  const watch = await watchPolicies(bus, table);
  expect(generation('d.example.com')).toBe(1);
  await bus.policies.put(record('d.example.com', 2, 'd'));
  await waitFor(() => generation('d.example.com') === 2, { what: 'the change' });
  await bus.policies.remove('d.example.com');
  await waitFor(() => !table.get('d.example.com'), { what: 'the removal' });
  await watch.stop();
});

test('a policy that the watch has not told yet is found in the store', async () => {
  const lookup = new PolicyLookup(table, bus);
  await bus.bundles.put(bundle('e'));
  await bus.policies.put(record('e.example.com', 1, 'e'));
  expect(await lookup.find('e.example.com', 60_000)).toMatchObject({ generation: 1 });
  await expect(lookup.find('none.example.com', 60_000)).rejects.toMatchObject({
    code: 'UNKNOWN_POLICY',
    message: 'JsPolicy.policy.jspolicy.com "none.example.com" not found',
  });
  await bus.policies.put(record('f.example.com', 1, 'never stored'));
  await expect(lookup.find('f.example.com', 60_000)).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  await expect(lookup.find('f.example.com', 60_000)).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  table.stop();
});

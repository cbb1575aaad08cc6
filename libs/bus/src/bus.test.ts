import { type Bundle, bundleDigest, EngineError, type PolicyRecord, type QuarantineRecord } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, startProcess, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Bus, connectBus } from './index.ts';
import { SILENCE_MS } from './working.ts';

/** Of what is answered: longer than any machine takes. */
const DEADLINE_MS = 120_000;
const log = createLogger({ service: 'test', level: 'silent' });
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);
const reply = (body: string, status = 200) => ({ status, body: bytes(body), headers: {} });

let nats: TestNats;
const open: Bus[] = [];
const bus = async (name: string) => {
  const made = await connectBus({ servers: nats.url, name, log });
  open.push(made);
  return made;
};

beforeAll(async () => {
  nats = await natsForTest();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
afterAll(() => nats.stop());

describe('request and serve', () => {
  test('an answer comes back with its status and headers', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    answerer.serve('t.answer', 'q', async ({ body, deadlineMs }) => ({
      status: 404,
      body: bytes(`${text(body)} ${deadlineMs <= DEADLINE_MS}`),
      headers: { A: 'b' },
    }));
    const got = await asker.request('t.answer', bytes('hello'), { deadlineMs: DEADLINE_MS });
    expect([got.status, text(got.body), got.headers['A']]).toEqual([404, 'hello true', 'b']);
  });

  test('a body of 8 MiB passes', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    answerer.serve('t.large', 'q', async ({ body }) => reply(String(body.length)));
    const got = await asker.request('t.large', new Uint8Array(8 * 1024 * 1024), { deadlineMs: DEADLINE_MS });
    expect(text(got.body)).toBe('8388608');
  });

  test('nobody who serves is NO_EVALUATOR, when time is over', async () => {
    const asker = await bus('asker');
    const request = asker.request('t.nobody', bytes('x'), { deadlineMs: 3_000 });
    await expect(request).rejects.toMatchObject({ code: 'NO_EVALUATOR', status: 503 });
  });

  test('one who comes while time is left answers', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    const request = asker.request('t.late', bytes('x'), { deadlineMs: DEADLINE_MS });
    answerer.serve('t.late', 'q', async () => reply('late'));
    expect(text((await request).body)).toBe('late');
  });

  test('long work is not asked twice', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    /** How often work is asked for that takes longer than the silence of a dead answerer. */
    async function asksOfLongWork(subject: string): Promise<number> {
      const long = Promise.withResolvers<void>();
      let asked = 0;
      const service = answerer.serve(subject, 'q', async () => {
        asked++;
        await long.promise;
        return reply('done');
      });
      const request = asker.request(subject, bytes('x'), { deadlineMs: DEADLINE_MS });
      // Nobody serves this one: when it is given up, that silence has passed for the other too.
      const nobody = asker.request(`${subject}.nobody`, bytes('x'), { deadlineMs: 3 * SILENCE_MS });
      await expect(nobody).rejects.toThrow();
      long.resolve();
      expect(text((await request).body)).toBe('done');
      await service.stop();
      return asked;
    }
    // An answerer that stands still for so long as a dead one is asked again: one whose machine lets it work is not.
    let tries = 0;
    await waitFor(async () => (await asksOfLongWork(`t.long.${tries++}`)) === 1, {
      what: 'work that is asked for once',
    });
  });

  test('who stood still himself does not take that for the silence of the other', async () => {
    const script = new URL('./answering-process.test-part.ts', import.meta.url).pathname;
    const args = ['--conditions=source', script, nats.url];
    const answerer = await startProcess(process.execPath, args, { readyWhen: /^ready$/ });
    const asker = await bus('asker');
    /** How often work was asked for during which the asker stood still. */
    async function asksOf(work: string): Promise<number> {
      const request = asker.request(`t.work.${work}`, bytes('x'), { deadlineMs: DEADLINE_MS });
      await waitFor(() => answerer.lines.includes(`asked on t.work.${work}`), { what: 'the work to be begun' });
      // Timers come next, before what has arrived is read.
      await new Promise(setImmediate);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * SILENCE_MS);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      await asker.request(`t.finish.${work}`, bytes('x'), { deadlineMs: DEADLINE_MS });
      return Number(text((await request).body));
    }
    // A machine that let the other stand still too has it asked again.
    let tries = 0;
    await waitFor(async () => (await asksOf(`${tries++}`)) === 1, { what: 'work that is asked for once' });
    await answerer.stop();
  });

  test('when the one who was asked dies, another one is asked', async () => {
    const [asker, dying, other] = [await bus('asker'), await bus('dying'), await bus('other')];
    let taken = false;
    dying.serve('t.dies', 'q', () => {
      taken = true;
      void dying.close();
      return new Promise(() => undefined);
    });
    const request = asker.request('t.dies', bytes('x'), { deadlineMs: DEADLINE_MS });
    await waitFor(() => taken, { what: 'the request to be taken' });
    other.serve('t.dies', 'q', async () => reply('other'));
    expect(text((await request).body)).toBe('other');
  });

  test('an error of the handler is an answer with its status', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    answerer.serve('t.error', 'q', async () => {
      throw new EngineError('OVERLOADED', 'full');
    });
    const got = await asker.request('t.error', bytes('x'), { deadlineMs: DEADLINE_MS });
    expect(got.status).toBe(503);
    expect(JSON.parse(text(got.body))).toMatchObject({ kind: 'Status', message: 'full' });
  });

  test('stop() waits for what is in flight', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    let finish: () => void = () => undefined;
    let taken = false;
    const service = answerer.serve('t.stop', 'q', async () => {
      taken = true;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return reply('finished');
    });
    const request = asker.request('t.stop', bytes('x'), { deadlineMs: DEADLINE_MS });
    await waitFor(() => taken, { what: 'the request to be taken' });
    const stopped = service.stop();
    finish();
    await stopped;
    await answerer.close();
    expect(text((await request).body)).toBe('finished');
  });

  test('a request that waits while the server is killed and comes back is answered', async () => {
    const [asker, answerer] = [await bus('asker'), await bus('answerer')];
    let hold = true;
    answerer.serve('t.restart', 'q', () => (hold ? new Promise(() => undefined) : Promise.resolve(reply('back'))));
    const request = asker.request('t.restart', bytes('x'), { deadlineMs: DEADLINE_MS });
    await nats.restart();
    hold = false;
    expect(text((await request).body)).toBe('back');
  });
});

const record: PolicyRecord = {
  schema: 1,
  name: 'a.test.example',
  uid: 'u',
  generation: 1,
  type: 'Validating',
  failurePolicy: 'Fail',
  violationPolicy: 'Deny',
  auditPolicy: 'Log',
  auditLogSize: 10,
  timeoutSeconds: 10,
};

describe('stores', () => {
  test('policies: put, get, watch, remove', async () => {
    const store = await bus('store');
    await store.ensureTopology();
    await store.ensureTopology();
    const seen: string[] = [];
    const watch = await store.policies.watch({
      onPut: ({ name, generation }) => seen.push(`put ${name} ${generation}`),
      onRemove: (name) => seen.push(`remove ${name}`),
      onSynced: () => seen.push('synced'),
    });
    await store.policies.put(record);
    // The store keeps the newest value of each key alone.
    await waitFor(() => seen.length === 2, { what: 'the first value to be told' });
    await store.policies.put({ ...record, generation: 2 });
    await waitFor(() => seen.length === 3, { what: 'the second value to be told' });
    expect(await store.policies.get(record.name)).toMatchObject({ generation: 2 });
    expect(await store.policies.names()).toEqual([record.name]);
    await store.policies.remove(record.name);
    await waitFor(() => seen.length === 4, { what: 'four events' });
    expect(seen).toEqual(['synced', 'put a.test.example 1', 'put a.test.example 2', 'remove a.test.example']);
    expect(await store.policies.get(record.name)).toBeUndefined();
    await watch.stop();
  });

  test('a watch tells what exists, then that it is synced', async () => {
    const store = await bus('store');
    await store.ensureTopology();
    await store.policies.put(record);
    const seen: string[] = [];
    const watch = await store.policies.watch({
      onPut: ({ name }) => seen.push(name),
      onRemove: () => undefined,
      onSynced: () => seen.push('synced'),
    });
    await waitFor(() => seen.includes('synced'), { what: 'synced' });
    expect(seen).toEqual([record.name, 'synced']);
    await watch.stop();
  });

  test('whoever throws when he is told of one entry is told of the next', async () => {
    const store = await bus('store');
    await store.ensureTopology();
    const names = ['first.throws.example', 'second.throws.example'];
    const seen: string[] = [];
    const watch = await store.policies.watch({
      onPut({ name }) {
        if (!names.includes(name)) return;
        seen.push(name);
        if (name === names[0]) throw new Error('cannot be handled');
      },
      onRemove: () => undefined,
      onSynced: () => undefined,
    });
    for (const name of names) await store.policies.put({ ...record, name });
    await waitFor(() => seen.length === 2, { what: 'both' });
    await watch.stop();
    for (const name of names) await store.policies.remove(name);
  });

  test('bundles: put, get, and none of an unknown digest', async () => {
    const store = await bus('store');
    await store.ensureTopology();
    const script = '\uFEFFdeny("ü")';
    const described = {
      script,
      form: 'function-body' as const,
      isolation: 'kept' as const,
      isolationReason: '',
      preludeLength: 0,
      hostCalls: [],
    };
    const digest = bundleDigest(described);
    const bundle: Bundle = { ...described, digest };
    await store.bundles.put(bundle);
    expect(await store.bundles.get(digest)).toEqual(bundle);
    await store.bundles.put({ ...bundle, preludeLength: 5 });
    await expect(store.bundles.get(digest)).rejects.toThrow('what is stored does not match the digest');
    expect(await store.bundles.get('0'.repeat(64))).toBeUndefined();
    expect(await store.bundles.digests()).toEqual([digest]);
    await store.bundles.remove(digest);
    expect(await store.bundles.digests()).toEqual([]);
    expect(await store.bundles.get(digest)).toBeUndefined();
  });

  test('quarantines: one per policy and evaluator, told to whoever comes later', async () => {
    const store = await bus('store');
    await store.ensureTopology();
    const until = '2026-01-02T03:04:05.678Z';
    const quarantine: QuarantineRecord = {
      schema: 1,
      policy: record.name,
      evaluator: 'one > *',
      until,
      reason: 'memory',
    };
    await store.quarantines.put(quarantine);
    await store.quarantines.put({ ...quarantine, evaluator: 'two' });
    await store.quarantines.put({ ...quarantine, reason: 'time' });
    const forged = [{ reason: { toString: 1 } }, { reason: undefined }, { until: ['2026-01-02'] }];
    for (const [number, wrong] of forged.entries())
      await store.quarantines.put({
        ...quarantine,
        evaluator: `forged ${number}`,
        ...wrong,
      } as unknown as QuarantineRecord);
    await store.quarantines.put({ ...quarantine, evaluator: 'long', reason: 'x'.repeat(100_000) });
    const seen: string[] = [];
    const watch = await store.quarantines.watch({
      onPut: ({ policy, evaluator, reason }) => seen.push(`${policy} ${evaluator} ${reason}`),
      onSynced: () => seen.push('synced'),
    });
    await waitFor(() => seen.includes('synced'), { what: 'synced' });
    expect(seen).toEqual([
      `${record.name} two memory`,
      `${record.name} one > * time`,
      `${record.name} long ${'x'.repeat(1_024)}`,
      'synced',
    ]);
    await watch.stop();
  });
});

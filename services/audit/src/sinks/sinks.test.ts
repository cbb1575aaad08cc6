import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DeadLetterEntry } from '@jspolicy/bus';
import type { ViolationSink } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type AuditStack, event, KINDS, startStack } from '../audit-stack.test-part.ts';
import { Receiver } from './receiver.test-part.ts';

const POLICY = 'no-latest.example.com';
const WAIT_MS = 60_000;
const path = (name = '') => `${KINDS}/violationsinks${name && `/${name}`}`;
const ids = (from: number, count: number, policy = POLICY) =>
  Array.from({ length: count }, (_, i) => `${from + i}.${policy}`);

let stack: AuditStack;
const receivers: Receiver[] = [];
const made: string[] = [];

const receiver = async () => {
  const one = await new Receiver().start();
  receivers.push(one);
  return one;
};

async function makeSink(name: string, spec: object) {
  const answer = await stack.call('POST', path(), {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'ViolationSink',
    metadata: { name },
    spec,
  });
  made.push(name);
  return answer;
}

const sink = async (name: string) => (await stack.call('GET', path(name))).body as ViolationSink;

async function letters(name: string) {
  const found: DeadLetterEntry[] = [];
  for await (const entry of stack.bus.deadLetters.list(name)) found.push(entry);
  return found;
}

const untilReady = (name: string, reason = 'Delivering') =>
  waitFor(async () => (await sink(name)).status?.conditions?.[0]?.reason === reason, {
    what: `${name} to be ${reason}`,
    timeoutMs: WAIT_MS,
  });

const untilGot = (one: Receiver, wanted: string[]) =>
  waitFor(() => one.distinct.length >= wanted.length, { what: `${wanted.length} events`, timeoutMs: WAIT_MS }).then(
    () => expect(one.distinct).toEqual(wanted),
  );

const merge = async (name: string, change: (spec: Record<string, unknown>) => object) => {
  const { body } = await stack.call('GET', path(name));
  return stack.call('PUT', path(name), { ...body, spec: change(body.spec) });
};

beforeAll(async () => {
  stack = await startStack();
  await stack.call('POST', '/api/v1/namespaces', { metadata: { name: 'jspolicy' } });
});
afterEach(async () => {
  for (const name of made.splice(0)) await stack.call('DELETE', path(name));
  for (const one of receivers.splice(0)) await one.stop();
});
afterAll(() => stack?.stop());

describe('a sink of a cluster', () => {
  test('is served when it is made, in order, and its status counts', async () => {
    const one = await receiver();
    await makeSink('first', { type: 'webhook', webhook: { url: one.url } });
    await untilReady('first');
    await stack.publishMany(POLICY, 0, 20);
    await untilGot(one, ids(0, 20));
    await waitFor(async () => (await sink('first')).status?.delivered === 20, {
      what: 'the figures',
      timeoutMs: WAIT_MS,
    });
    expect((await sink('first')).status).toMatchObject({ observedGeneration: 1, failed: 0, dead: 0, pending: 0 });
  });

  test('gets what the stream keeps, only what its filter wants, and stays where it is while it is paused', async () => {
    const one = await receiver();
    await stack.publishMany('old.example.com', 0, 3);
    const webhook = { url: one.url, mode: 'batched' };
    const filter = { policies: ['old.*', 'new.*'], expression: 'event.data.message.endsWith("1")' };
    await makeSink('filtered', { type: 'webhook', from: 'All', webhook, filter });
    await untilGot(one, ['1.old.example.com']);
    await merge('filtered', (spec) => ({ ...spec, paused: true }));
    await untilReady('filtered', 'Paused');
    await stack.publishMany('new.example.com', 0, 3);
    await waitFor(async () => ((await sink('filtered')).status?.pending ?? 0) >= 3, {
      what: 'a backlog',
      timeoutMs: WAIT_MS,
    });
    expect(one.ids).toEqual(['1.old.example.com']);
    await merge('filtered', (spec) => ({ ...spec, paused: false }));
    await untilGot(one, ['1.old.example.com', '1.new.example.com']);
  });

  test('with wrong settings says so, and is served when they are mended', async () => {
    const one = await receiver();
    const webhook = { url: one.url, username: 'alice' };
    await makeSink('wrong', { type: 'webhook', webhook });
    await untilReady('wrong', 'WrongSettings');
    expect((await sink('wrong')).status?.conditions?.[0]?.message).toContain(
      'username and passwordSecret belong together',
    );
    await merge('wrong', (spec) => ({
      ...spec,
      webhook: { url: one.url, bearerTokenSecret: { name: 'token', key: 'token' } },
    }));
    // Before there is anything to send.
    await untilReady('wrong', 'SecretMissing');
    expect((await sink('wrong')).status?.failed).toBe(0);
    await stack.publish(POLICY, event(POLICY, 101));
    await stack.call('POST', '/api/v1/namespaces/jspolicy/secrets', {
      metadata: { name: 'token' },
      stringData: { token: 'secret' },
    });
    const refusal = 'sinks may not read it, it has no label policy.jspolicy.com/sink: "true"';
    await waitFor(async () => (await sink('wrong')).status?.conditions?.[0]?.message?.includes(refusal), {
      what: 'the label to be missed',
      timeoutMs: WAIT_MS,
    });
    expect(one.ids).toEqual([]);
    await stack.call('PUT', '/api/v1/namespaces/jspolicy/secrets/token', {
      metadata: { name: 'token', labels: { 'policy.jspolicy.com/sink': 'true' } },
      stringData: { token: 'secret' },
    });
    await waitFor(() => one.ids.includes(`101.${POLICY}`), { what: 'the event', timeoutMs: WAIT_MS });
  });

  test('that refuses an event for good has it as a dead letter, and gets the others', async () => {
    const one = await receiver();
    one.answer = ({ id }) => (id.startsWith('203.') ? 422 : 204);
    await makeSink('picky', { type: 'webhook', webhook: { url: one.url, mode: 'batched' } });
    await untilReady('picky');
    await stack.publishMany(POLICY, 200, 8);
    await untilGot(
      one,
      ids(200, 8).filter((id) => !id.startsWith('203.')),
    );
    await waitFor(async () => (await sink('picky')).status?.dead === 1, { what: 'the figures', timeoutMs: WAIT_MS });
    expect((await sink('picky')).status).toMatchObject({ delivered: 7, dead: 1 });
    const found = await letters('picky');
    expect(found.map(({ reason }) => reason)).toEqual(['the server answered 422']);
    one.answer = () => 204;
    const request = JSON.stringify({ sink: 'picky', sequences: found.map(({ sequence }) => sequence) });
    const { body } = await stack.bus.request('jspolicy.v1.sinks.retry', new TextEncoder().encode(request), {
      deadlineMs: 20_000,
    });
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual({ delivered: [found[0]?.sequence], refused: [] });
    expect(one.ids).toContain(`203.${POLICY}`);
    expect(await letters('picky')).toEqual([]);
    // It is what the sink itself did.
    await waitFor(async () => (await sink('picky')).status?.dead === 0, { what: 'the figures', timeoutMs: WAIT_MS });
    expect((await sink('picky')).status).toMatchObject({ delivered: 8, dead: 0 });
  });

  test('sends what its filter cannot tell, and says so', async () => {
    const one = await receiver();
    const filter = { expression: 'event.data.object.labels.team == "a"' };
    await makeSink('undecided', { type: 'webhook', webhook: { url: one.url }, filter });
    await untilReady('undecided');
    await stack.publishMany(POLICY, 300, 2);
    await untilGot(one, ids(300, 2));
    await waitFor(async () => (await sink('undecided')).status?.undecided === 2, {
      what: 'the figures',
      timeoutMs: WAIT_MS,
    });
    expect((await sink('undecided')).status?.conditions?.[0]).toMatchObject({
      status: 'True',
      message: 'spec.filter.expression cannot be told for some violations, which are sent: No such key: labels',
    });
  });

  test('counts repetitions when it is asked to, and its filter sees them', async () => {
    const one = await receiver();
    const filter = { expression: 'event.data.occurrences != 2' };
    const occurrences = { windowSeconds: 60 };
    await makeSink('counting', { type: 'webhook', webhook: { url: one.url }, filter, occurrences });
    await untilReady('counting');
    await stack.publishMany(POLICY, 310, 3);
    await stack.publish('other.example.com', event('other.example.com', 313));
    await untilGot(one, [...ids(310, 1), ...ids(312, 1), ...ids(313, 1, 'other.example.com')]);
    expect(one.events.map(({ data }) => data.occurrences)).toEqual([1, 3, 1]);
  });

  test('does not tell its secrets where its server repeats them', async () => {
    const one = await receiver();
    const token = 'a-token-of-the-test';
    await stack.call('POST', '/api/v1/namespaces/jspolicy/secrets', {
      metadata: { name: 'told', labels: { 'policy.jspolicy.com/sink': 'true' } },
      stringData: { token },
    });
    one.answer = () => 422;
    one.body = `bad token ${token}\r\n\u001b[2Jend`;
    const webhook = { url: one.url, bearerTokenSecret: { name: 'told', key: 'token' } };
    await makeSink('repeating', { type: 'webhook', webhook });
    await untilReady('repeating');
    await stack.publish(POLICY, event(POLICY, 320));
    await waitFor(async () => (await sink('repeating')).status?.dead === 1, {
      what: 'the figures',
      timeoutMs: WAIT_MS,
    });
    const told = 'the server answered 422: bad token *** [2Jend';
    expect((await sink('repeating')).status?.lastError?.message).toBe(told);
    expect((await letters('repeating')).map(({ reason }) => reason)).toEqual([told]);
    expect(stack.lines.filter((line) => line.includes(token))).toEqual([]);
  });

  test('has a name as long as names may be', async () => {
    const one = await receiver();
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    await makeSink(name, {
      type: 'webhook',
      from: '999999d',
      webhook: { url: one.url },
      filter: { policies: ['long.*'] },
    });
    await untilReady(name);
    await stack.publishMany('long.example.com', 0, 1);
    await untilGot(one, ids(0, 1, 'long.example.com'));
  });

  test('that is gone leaves no consumer behind', async () => {
    const one = await receiver();
    await makeSink('short-lived', { type: 'webhook', webhook: { url: one.url } });
    await untilReady('short-lived');
    const consumers = async () =>
      (await stack.bus.deliveries.names('JSPOLICY_VIOLATIONS')).filter((name) => name.includes('short-lived'));
    expect(await consumers()).toHaveLength(1);
    await stack.call('DELETE', path('short-lived'));
    await waitFor(async () => (await consumers()).length === 0, { what: 'the consumer to go' });
  });

  test.each([
    [{ type: 'webhook' }, 'webhook is required for this type'],
    [{ type: 'stdout', file: { path: '/tmp/x' } }, 'file is for the type file'],
    [{ type: 'stdout', from: 'yesterday' }, 'spec.from'],
    [{ type: 'pigeon' }, 'Unsupported value: "pigeon"'],
  ])('%j is refused by the API server', async (spec, message) => {
    const { status, body } = await makeSink('refused', spec);
    expect([status, body.message]).toEqual([422, expect.stringContaining(message)]);
  });
});

test('the API server takes every example of docs/sinks.md', async () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../../docs/sinks.md'), 'utf8');
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, example = '']) => parse(example));
  expect(examples.length).toBeGreaterThan(12);
  for (const example of examples) {
    const { status, body } = await stack.call('POST', `${path()}?dryRun=All&fieldValidation=Strict`, example);
    expect([example.metadata.name, status, body.message]).toEqual([example.metadata.name, 201, undefined]);
  }
});

test('events of Kubernetes are made once about the object', async () => {
  await makeSink('events', { type: 'kubernetes-events' });
  await untilReady('events');
  await stack.publish(POLICY, event(POLICY, 300));
  const events = async () =>
    (await stack.call('GET', '/apis/events.k8s.io/v1/namespaces/default/events')).body.items.filter(
      ({ reason }: { reason: string }) => reason === 'PolicyViolationDeny',
    );
  await waitFor(async () => (await events()).length === 1, { what: 'the event', timeoutMs: WAIT_MS });
  expect((await events())[0]).toMatchObject({
    note: `${POLICY}: violation 300`,
    regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  });
});

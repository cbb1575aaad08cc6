import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type AuditStack, event, startStack } from '../audit-stack.test-part.ts';
import { ids, SinksForTest, sinkPath, untilGot } from './sinks-for-test.test-part.ts';

const POLICY = 'no-latest.example.com';
const idsFrom = (from: number, count: number) => ids(POLICY, from, count);

let stack: AuditStack;
let sinks: SinksForTest;

beforeAll(async () => {
  stack = await startStack();
  sinks = new SinksForTest(stack);
  await stack.call('POST', '/api/v1/namespaces', { metadata: { name: 'jspolicy' } });
});
afterEach(() => sinks.clean());
afterAll(() => stack?.stop());

describe('a sink of a cluster', () => {
  test('is served when it is made, in order, and its status counts', async () => {
    const one = await sinks.receiver();
    await sinks.make('first', { type: 'webhook', webhook: { url: one.url } });
    await sinks.untilReason('first');
    await stack.publishMany(POLICY, 0, 20);
    await untilGot(one, idsFrom(0, 20));
    await sinks.untilFigures('first', { delivered: 20 });
    expect((await sinks.get('first')).status).toMatchObject({ observedGeneration: 1, failed: 0, dead: 0, pending: 0 });
  });

  test('gets what the stream keeps, only what its filter wants, and stays where it is while it is paused', async () => {
    const one = await sinks.receiver();
    await stack.publishMany('old.example.com', 0, 3);
    const webhook = { url: one.url, mode: 'batched' };
    const filter = { policies: ['old.*', 'new.*'], expression: 'event.data.message.endsWith("1")' };
    await sinks.make('filtered', { type: 'webhook', from: 'All', webhook, filter });
    await untilGot(one, ['1.old.example.com']);
    await sinks.change('filtered', (spec) => ({ ...spec, paused: true }));
    await sinks.untilReason('filtered', 'Paused');
    await stack.publishMany('new.example.com', 0, 3);
    await waitFor(async () => ((await sinks.get('filtered')).status?.pending ?? 0) >= 3, {
      what: 'a backlog',
    });
    expect(one.ids).toEqual(['1.old.example.com']);
    await sinks.change('filtered', (spec) => ({ ...spec, paused: false }));
    await untilGot(one, ['1.old.example.com', '1.new.example.com']);
  });

  test('with wrong settings says so, and is served when they are mended', async () => {
    const one = await sinks.receiver();
    const webhook = { url: one.url, username: 'alice' };
    await sinks.make('wrong', { type: 'webhook', webhook });
    await sinks.untilReason('wrong', 'WrongSettings');
    expect((await sinks.get('wrong')).status?.conditions?.[0]?.message).toContain(
      'username and passwordSecret belong together',
    );
    await sinks.change('wrong', (spec) => ({
      ...spec,
      webhook: { url: one.url, bearerTokenSecret: { name: 'token', key: 'token' } },
    }));
    // Before there is anything to send.
    await sinks.untilReason('wrong', 'SecretMissing');
    expect((await sinks.get('wrong')).status?.failed).toBe(0);
    await stack.publish(POLICY, event(POLICY, 101));
    await stack.call('POST', '/api/v1/namespaces/jspolicy/secrets', {
      metadata: { name: 'token' },
      stringData: { token: 'secret' },
    });
    const refusal = 'sinks may not read it, it has no label policy.jspolicy.com/sink: "true"';
    await waitFor(async () => (await sinks.get('wrong')).status?.conditions?.[0]?.message?.includes(refusal), {
      what: 'the label to be missed',
    });
    expect(one.ids).toEqual([]);
    await stack.call('PUT', '/api/v1/namespaces/jspolicy/secrets/token', {
      metadata: { name: 'token', labels: { 'policy.jspolicy.com/sink': 'true' } },
      stringData: { token: 'secret' },
    });
    await waitFor(() => one.ids.includes(`101.${POLICY}`), { what: 'the event' });
  });

  test('that refuses an event for good has it as a dead letter, and gets the others', async () => {
    const one = await sinks.receiver();
    one.answer = ({ id }) => (id.startsWith('203.') ? 422 : 204);
    await sinks.make('picky', { type: 'webhook', webhook: { url: one.url, mode: 'batched' } });
    await sinks.untilReason('picky');
    await stack.publishMany(POLICY, 200, 8);
    await untilGot(
      one,
      idsFrom(200, 8).filter((id) => !id.startsWith('203.')),
    );
    await sinks.untilFigures('picky', { dead: 1 });
    expect((await sinks.get('picky')).status).toMatchObject({ delivered: 7, dead: 1 });
    const found = await sinks.letters('picky');
    expect(found.map(({ reason }) => reason)).toEqual(['the server answered 422']);
    one.answer = () => 204;
    const request = JSON.stringify({ sink: 'picky', sequences: found.map(({ sequence }) => sequence) });
    const { body } = await stack.bus.request('jspolicy.v1.sinks.retry', new TextEncoder().encode(request), {
      deadlineMs: 90_000,
    });
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual({ delivered: [found[0]?.sequence], refused: [] });
    expect(one.ids).toContain(`203.${POLICY}`);
    expect(await sinks.letters('picky')).toEqual([]);
    // It is what the sink itself did.
    await sinks.untilFigures('picky', { dead: 0 });
    expect((await sinks.get('picky')).status).toMatchObject({ delivered: 8, dead: 0 });
  });

  test('sends what its filter cannot tell, and says so', async () => {
    const one = await sinks.receiver();
    const filter = { expression: 'event.data.object.labels.team == "a"' };
    await sinks.make('undecided', { type: 'webhook', webhook: { url: one.url }, filter });
    await sinks.untilReason('undecided');
    await stack.publishMany(POLICY, 300, 2);
    await untilGot(one, idsFrom(300, 2));
    await sinks.untilFigures('undecided', { undecided: 2 });
    expect((await sinks.get('undecided')).status?.conditions?.[0]).toMatchObject({
      status: 'True',
      message: 'spec.filter.expression cannot be told for some violations, which are sent: No such key: labels',
    });
  });

  test('counts repetitions when it is asked to, and its filter sees them', async () => {
    const one = await sinks.receiver();
    const filter = { expression: 'event.data.occurrences != 2' };
    const occurrences = { windowSeconds: 60 };
    await sinks.make('counting', { type: 'webhook', webhook: { url: one.url }, filter, occurrences });
    await sinks.untilReason('counting');
    await stack.publishMany(POLICY, 310, 3);
    await stack.publish('other.example.com', event('other.example.com', 313));
    await untilGot(one, [...idsFrom(310, 1), ...idsFrom(312, 1), ...ids('other.example.com', 313, 1)]);
    expect(one.events.map(({ data }) => data.occurrences)).toEqual([1, 3, 1]);
  });

  test('does not tell its secrets where its server repeats them', async () => {
    const one = await sinks.receiver();
    const token = 'a-token-of-the-test';
    await stack.call('POST', '/api/v1/namespaces/jspolicy/secrets', {
      metadata: { name: 'told', labels: { 'policy.jspolicy.com/sink': 'true' } },
      stringData: { token },
    });
    one.answer = () => 422;
    one.body = `bad token ${token}\r\n\u001b[2Jend`;
    const webhook = { url: one.url, bearerTokenSecret: { name: 'told', key: 'token' } };
    await sinks.make('repeating', { type: 'webhook', webhook });
    await sinks.untilReason('repeating');
    await stack.publish(POLICY, event(POLICY, 320));
    await sinks.untilFigures('repeating', { dead: 1 });
    const told = 'the server answered 422: bad token *** [2Jend';
    expect((await sinks.get('repeating')).status?.lastError?.message).toBe(told);
    expect((await sinks.letters('repeating')).map(({ reason }) => reason)).toEqual([told]);
    expect(stack.lines.filter((line) => line.includes(token))).toEqual([]);
  });

  test('has a name as long as names may be', async () => {
    const one = await sinks.receiver();
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    await sinks.make(name, {
      type: 'webhook',
      from: '999999d',
      webhook: { url: one.url },
      filter: { policies: ['long.*'] },
    });
    await sinks.untilReason(name);
    await stack.publishMany('long.example.com', 0, 1);
    await untilGot(one, ids('long.example.com', 0, 1));
  });

  test('that is gone leaves no consumer behind', async () => {
    const one = await sinks.receiver();
    await sinks.make('short-lived', { type: 'webhook', webhook: { url: one.url } });
    await sinks.untilReason('short-lived');
    const consumers = async () =>
      (await stack.bus.deliveries.names('JSPOLICY_VIOLATIONS')).filter((name) => name.includes('short-lived'));
    expect(await consumers()).toHaveLength(1);
    await stack.call('DELETE', sinkPath('short-lived'));
    await waitFor(async () => (await consumers()).length === 0, { what: 'the consumer to go' });
  });

  test.each([
    [{ type: 'webhook' }, 'webhook is required for this type'],
    [{ type: 'stdout', file: { path: '/tmp/x' } }, 'file is for the type file'],
    [{ type: 'stdout', from: 'yesterday' }, 'spec.from'],
    [{ type: 'pigeon' }, 'Unsupported value: "pigeon"'],
  ])('%j is refused by the API server', async (spec, message) => {
    const { status, body } = await sinks.make('refused', spec);
    expect([status, body.message]).toEqual([422, expect.stringContaining(message)]);
  });
});

test('the API server takes every example of docs/sinks.md', async () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../../docs/sinks.md'), 'utf8');
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, example = '']) => parse(example));
  expect(examples.length).toBeGreaterThan(12);
  for (const example of examples) {
    const { status, body } = await stack.call('POST', `${sinkPath()}?dryRun=All&fieldValidation=Strict`, example);
    expect([example.metadata.name, status, body.message]).toEqual([example.metadata.name, 201, undefined]);
  }
});

test('events of Kubernetes are made once about the object', async () => {
  await sinks.make('events', { type: 'kubernetes-events' });
  await sinks.untilReason('events');
  await stack.publish(POLICY, event(POLICY, 300));
  const events = async () =>
    (await stack.call('GET', '/apis/events.k8s.io/v1/namespaces/default/events')).body.items.filter(
      ({ reason }: { reason: string }) => reason === 'PolicyViolationDeny',
    );
  await waitFor(async () => (await events()).length === 1, { what: 'the event' });
  expect((await events())[0]).toMatchObject({
    note: `${POLICY}: violation 300`,
    regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  });
});

import type { ViolationSinkSpec } from '@jspolicy/contracts';
import { AddressSet } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { event } from '../audit-stack.test-part.ts';
import { SinkConnection } from './sink-connection.ts';

const signal = new AbortController().signal;
const one = { event: event('a.example.com', 1), sequence: 1, json: '{}' };
const close = async () => undefined;
const never = () => new Promise<never>(() => undefined);

type Client = { publish(): Promise<void>; close(): Promise<void> };

/** A sink of the type nats, whose client the test brings along. */
function connectionOf(spec: object, connectNats: () => Promise<Client>) {
  const context = {
    name: 'test',
    stdout: process.stdout,
    refused: new AddressSet([]),
    fileDirectory: '/nonexistent',
    connectNats,
    createKubeEvent: never,
  };
  const nats = { url: 'nats://127.0.0.1:1', tokenSecret: { name: 'a', key: 'b' } };
  const full = { type: 'nats', nats, retry: { timeoutMs: 600_000 }, ...spec } as ViolationSinkSpec;
  return new SinkConnection({ spec: full, context, readSecret: async () => 'a-secret-token' });
}

test('a sink that neither answers nor closes is left', async () => {
  const connection = connectionOf({ retry: { timeoutMs: 100 } }, async () => ({ publish: never, close: never }));
  expect(await connection.write([one], signal)).toMatchObject({
    failure: { text: 'no answer in 100 ms', refused: false },
  });
  // It was closed, as far as it could be, and is opened again.
  expect(connection.maxEvents).toBeUndefined();
  await connection.close();
});

test('attempts wait for each other', async () => {
  const log: string[] = [];
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const publish = async () => {
    log.push('begin');
    await gate;
    log.push('end');
  };
  const connection = connectionOf({}, async () => ({ publish, close }));
  const both = [connection.write([one], signal), connection.write([one], signal)];
  go();
  await Promise.all(both);
  expect(log).toEqual(['begin', 'end', 'begin', 'end']);
  await connection.close();
});

test('what goes wrong is told without the secrets', async () => {
  const publish = async () => {
    throw new Error('no user a-secret-token\nhere');
  };
  const connection = connectionOf({}, async () => ({ publish, close }));
  expect(await connection.write([one], signal)).toEqual({
    failure: { reason: 'Failing', text: 'no user *** here', refused: false, answered: false, askedMs: 0 },
  });
});

test('a connection that is closed ends its attempts, and is not opened again', async () => {
  const log: string[] = [];
  const connectNats = async () => {
    log.push('open');
    return { publish: never, close: async () => void log.push('close') };
  };
  const connection = connectionOf({}, connectNats);
  const { signal: endless } = new AbortController();
  const both = [connection.write([one], endless), connection.write([one], endless)];
  const ends = Promise.allSettled(both);
  await waitFor(() => connection.maxEvents !== undefined, { what: 'it to be open' });
  await connection.close();
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(connection.open(endless)).rejects.toThrow();
  await connection.close();
  expect(log).toEqual(['open', 'close']);
});

import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { contextFor, sinkEvents } from '../events.test-part.ts';
import { openSink, RefusedError, type Sink } from '../index.ts';

const open: Sink[] = [];
afterEach(async () => {
  for (const sink of open.splice(0)) await sink.close();
});

async function opened(broker: string): Promise<Sink> {
  const sink = await openSink('kafka', { brokers: [broker], topic: 'violations', tls: false }, contextFor());
  open.push(sink);
  return sink;
}

test('a broker that is away is tried again', async () => {
  const sink = await opened('127.0.0.1:1');
  const limit = AbortSignal.timeout(300_000);
  const error = await sink.write(sinkEvents(1), limit).catch((thrown: unknown) => thrown);
  expect([error instanceof Error, limit.aborted]).toEqual([true, false]);
  expect(error).not.toBeInstanceOf(RefusedError);
});

test('a broker that says nothing is left when the signal says so', async () => {
  const sockets: Socket[] = [];
  const limit = new AbortController();
  const broker = createServer((socket) => {
    sockets.push(socket);
    limit.abort(new Error('too late'));
  });
  await new Promise<void>((done) => broker.listen(0, '127.0.0.1', done));
  const address = broker.address();
  const sink = await opened(`127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  await expect(sink.write(sinkEvents(1), limit.signal)).rejects.toThrow('too late');
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => broker.close(done));
});

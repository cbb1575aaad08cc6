import { type LokiServer, lokiForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { RefusedError, type SinkEvent } from '../index.ts';
import { withSink } from './opened.test-part.ts';

let server: LokiServer;
beforeAll(async () => {
  server = await lokiForTest();
});
afterAll(() => server?.stop());

/** Loki takes nothing that is older than a week. */
function now(given: SinkEvent): SinkEvent {
  const event = { ...given.event, time: new Date().toISOString() };
  return { ...given, event, json: JSON.stringify(event) };
}

const linesOf = async (tenant: string, selector: string) =>
  (await server.query(tenant, selector)).flatMap(({ values }) => values.map(([, line]) => line)).sort();

test('Loki has each event once, in the stream of its policy and action, also when it is written again', async () => {
  const events = [...sinkEvents(50), sinkEvent(51, { action: 'Warn' })].map(now);
  const settings = { url: server.url, tenant: 'blue', labels: { job: 'jspolicy', cluster: 'one' } };
  await withSink('loki', settings, async (sink) => {
    for (let i = 0; i < 2; i++) expect(await sink.write(events, inTime())).toEqual([]);
  });
  const jsons = events.map(({ json }) => json);
  const policy = 'policy="no-latest.example.com"';
  expect(await linesOf('blue', `{cluster="one",${policy},action="Deny"}`)).toEqual(jsons.slice(0, 50).sort());
  expect(await linesOf('blue', `{cluster="one",${policy},action="Warn"}`)).toEqual(jsons.slice(50));
  expect(await linesOf('green', '{cluster="one"}')).toEqual([]);
});

test('what Loki finds too old is refused, the others of its batch are there', async () => {
  const [young, old] = [now(sinkEvent(1)), sinkEvent(2, { policy: 'old.example.com' })] as [SinkEvent, SinkEvent];
  await withSink('loki', { url: server.url, tenant: 'red' }, async (sink) => {
    await expect(sink.write([young, old], inTime())).rejects.toBeInstanceOf(RefusedError);
    expect(await sink.write([young], inTime())).toEqual([]);
    await expect(sink.write([old], inTime())).rejects.toBeInstanceOf(RefusedError);
  });
  expect(await linesOf('red', '{job="jspolicy"}')).toEqual([young.json]);
});

test('without a tenant, where Loki asks for one, it is tried again', async () => {
  await withSink('loki', { url: server.url }, async (sink) => {
    const error = await sink.write([now(sinkEvent(1))], inTime()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('401') });
    expect(error).not.toBeInstanceOf(RefusedError);
  });
});

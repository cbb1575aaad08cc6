import { type Certificates, createCertificates } from '@jspolicy/certificates';
import { type KafkaBroker, kafkaForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { RefusedError, type SinkEvent } from '../index.ts';
import { opened, withSink } from './opened.test-part.ts';

let broker: KafkaBroker;
let tls: Certificates;
beforeAll(async () => {
  tls = await createCertificates({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  broker = await kafkaForTest(tls);
});
afterAll(() => broker?.stop());

const settings = (topic: string) => ({ brokers: [broker.address], topic });
const secured = (topic: string, more: object = {}) => ({
  brokers: [broker.securedAddress],
  topic,
  tls: true,
  caSecret: tls.ca,
  saslMechanism: 'SCRAM-SHA-512',
  username: broker.username,
  passwordSecret: broker.password,
  ...more,
});

async function writeOnce(given: Record<string, unknown>, events: SinkEvent[]): Promise<unknown> {
  return withSink('kafka', given, (sink) => sink.write(events, inTime())).catch((thrown: unknown) => thrown);
}

test("Kafka's broker has each event, the policy as its key, those of a policy in order in one partition", async () => {
  await broker.createTopic('violations', 4);
  const policies = ['a.example.com', 'b.example.com', 'c.example.com'];
  const events = Array.from({ length: 300 }, (_, i) => sinkEvent(i + 1, { policy: policies[i % 3] as string }));
  await withSink('kafka', settings('violations'), async (sink) => {
    for (let at = 0; at < events.length; at += 100) await sink.write(events.slice(at, at + 100), inTime());
  });
  const messages = await broker.consume('violations', events.length);
  for (const policy of policies) {
    const own = messages.filter(({ key }) => key === policy);
    expect(own.map(({ value }) => value)).toEqual(
      events.filter(({ event }) => event.data.policy === policy).map(({ json }) => json),
    );
    expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
  }
  expect(messages[0]?.headers).toContain('content-type:application/cloudevents+json; charset=UTF-8');
  expect(messages[0]?.headers).toMatch(/ce-id:\d+\.[abc]\.example\.com\.1/);
});

test.each(['SCRAM-SHA-512', 'PLAIN'])(
  "Kafka's broker takes events over TLS from who is known by %s",
  async (mechanism) => {
    const topic = `secured-${mechanism}`;
    await broker.createTopic(topic, 1);
    const events = sinkEvents(3);
    expect(await writeOnce(secured(topic, { saslMechanism: mechanism }), events)).toEqual([]);
    expect((await broker.consume(topic, 3)).map(({ value }) => value)).toEqual(events.map(({ json }) => json));
  },
);

test.each([
  ['a wrong password', { passwordSecret: 'wrong' }],
  ['an authority that is unknown', { caSecret: undefined }],
])("what Kafka's broker does not take is tried again: %s", async (_what, wrong) => {
  await broker.createTopic(`guarded-${Object.keys(wrong)[0]}`, 1);
  const error = await writeOnce(secured(`guarded-${Object.keys(wrong)[0]}`, wrong), sinkEvents(1));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(RefusedError);
});

test('a topic that is not there is tried again, and not made', async () => {
  const error = await writeOnce(settings('nobody-made-this'), sinkEvents(1));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(RefusedError);
  expect(await broker.topics()).not.toContain('nobody-made-this');
});

test('a batch that is larger than the broker takes is refused, so that it is divided', async () => {
  await broker.createTopic('small', 1);
  const message = 'x'.repeat(30_000);
  const events = Array.from({ length: 40 }, (_, i) => sinkEvent(i + 1, { message }));
  await withSink('kafka', settings('small'), async (sink) => {
    await expect(sink.write(events, inTime())).rejects.toBeInstanceOf(RefusedError);
    for (const half of [events.slice(0, 20), events.slice(20)]) expect(await sink.write(half, inTime())).toEqual([]);
  });
  expect((await broker.consume('small', 40)).map(({ value }) => value)).toEqual(events.map(({ json }) => json));
});

test('a broker that died and came back has what was written again', async () => {
  await broker.createTopic('again', 1);
  const sink = await opened('kafka', settings('again'));
  await sink.write(sinkEvents(1), inTime());
  await broker.kill();
  await expect(sink.write(sinkEvents(2).slice(1), inTime())).rejects.toThrow();
  await sink.close();
  await broker.restart();
  expect(await writeOnce(settings('again'), sinkEvents(2).slice(1))).toEqual([]);
  expect((await broker.consume('again', 2)).map(({ value }) => value)).toEqual(sinkEvents(2).map(({ json }) => json));
});

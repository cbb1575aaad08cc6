import { createCertificates } from '@jspolicy/certificates';
import { type RsyslogServer, rsyslogForTest, waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { opened, withSink } from './opened.test-part.ts';

/** A message of several lines, in UTF-8, and one of the longest that there are. */
const EVENTS = [...sinkEvents(20), sinkEvent(21, { action: 'Warn', message: `zwölf\nÄpfel "${'x'.repeat(30_000)}"` })];

async function untilAll(server: RsyslogServer): Promise<void> {
  await waitFor(async () => (await server.messages()).length === EVENTS.length, { what: 'all messages' });
  const messages = await server.messages();
  expect(messages.map(({ message }) => JSON.parse(message))).toEqual(EVENTS.map(({ event }) => event));
  const { message: _, time, ...first } = messages[0] as (typeof messages)[number];
  expect(first).toEqual({ facility: 'authpriv', severity: 'warning', appName: 'jspolicy', msgId: 'Deny' });
  expect(Date.parse(time)).toBe(Date.parse('2026-01-02T03:04:05.678Z'));
  expect(messages.at(-1)).toMatchObject({ severity: 'notice', msgId: 'Warn' });
}

test('rsyslog has each event over TCP, as it understands RFC 5424', async () => {
  const server = await rsyslogForTest();
  const settings = { host: '127.0.0.1', port: server.port, tls: false, facility: 10 };
  await withSink('syslog', settings, (sink) => sink.write(EVENTS, inTime()));
  await untilAll(server);
  await server.stop();
});

test('rsyslog has each event over TLS, and one whose authority is unknown gets nothing', async () => {
  const tls = await createCertificates({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  const server = await rsyslogForTest({ tls });
  const settings = { host: 'localhost', port: server.port, facility: 10 };
  await expect(opened('syslog', settings)).rejects.toThrow(/certificate/);
  await withSink('syslog', { ...settings, caSecret: tls.ca }, (sink) => sink.write(EVENTS, inTime()));
  await untilAll(server);
  await server.stop();
});

test('rsyslog that ends is noticed', async () => {
  const server = await rsyslogForTest();
  await withSink('syslog', { host: '127.0.0.1', port: server.port, tls: false }, async (sink) => {
    await sink.write(sinkEvents(1), inTime());
    await server.stop();
    await expect(sink.write(sinkEvents(1), inTime())).rejects.toThrow();
  });
});

import { type OtelCollector, otelCollectorForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { withSink } from './opened.test-part.ts';

let collector: OtelCollector;
beforeAll(async () => {
  collector = await otelCollectorForTest();
});
afterAll(() => collector?.stop());

test('the OpenTelemetry collector has each record, with its severity, body and attributes', async () => {
  const events = [...sinkEvents(2), sinkEvent(3, { action: 'Warn', message: 'zwölf "äpfel"' })];
  const settings = { endpoint: collector.endpoint, resource: { 'k8s.cluster.name': 'blue' } };
  await withSink('otlp', settings, (sink) => sink.write(events, inTime()));
  const output = await waitFor(
    async () => {
      const text = await collector.output();
      return text.includes('LogRecord #2') && text;
    },
    { what: 'three records' },
  );
  for (const line of [
    'service.name: Str(jspolicy)',
    'k8s.cluster.name: Str(blue)',
    'Timestamp: 2026-01-02 03:04:05.678 +0000 UTC',
    'SeverityText: WARN',
    'SeverityNumber: Warn(13)',
    'SeverityNumber: Info(9)',
    'EventName: com.jspolicy.policy.violation.v1',
    'Body: Str(violation 1)',
    'Body: Str(zwölf "äpfel")',
    `cloudevents.event_id: Str(${events[1]?.event.id})`,
    'jspolicy.policy: Str(no-latest.example.com)',
    'user.name: Str(alice)',
    'k8s.namespace.name: Str(shop)',
  ])
    expect(output).toContain(line);
});

test('a path that the collector does not have is tried again', async () => {
  await withSink('otlp', { endpoint: `${collector.endpoint}/nothing` }, async (sink) => {
    await expect(sink.write(sinkEvents(1), inTime())).rejects.toThrow('404');
  });
});

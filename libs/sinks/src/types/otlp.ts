import type { ViolationEvent } from '@jspolicy/contracts';
import { required, textMap, url, withDefault } from '../fields.ts';
import { HttpClient, httpFields, httpProblems, MAX_SHOWN } from '../http-request.ts';
import { RefusedError, sinkType } from '../port.ts';

/** WARN and INFO of the OpenTelemetry log data model. */
const SEVERITIES: Record<string, [number: number, text: string]> = {
  Deny: [13, 'WARN'],
  Controller: [13, 'WARN'],
  Warn: [9, 'INFO'],
  Dry: [9, 'INFO'],
};

/** Log records by OTLP over HTTP, in JSON. */
export const otlp = sinkType({
  fields: {
    ...httpFields,
    /** As OTEL_EXPORTER_OTLP_ENDPOINT: without /v1/logs. */
    endpoint: required(url('http', 'https')),
    resource: withDefault(textMap(), {}),
  },
  problems: httpProblems,
  open(settings, context) {
    const client = new HttpClient(settings.endpoint, settings, context);
    const url = `${settings.endpoint.replace(/\/$/, '')}/v1/logs`;
    return {
      async write(events, signal) {
        const logRecords = events.map(({ event }) => record(event));
        const source = events[0]?.event.source ?? '';
        const resource = {
          attributes: attributes({ 'service.name': 'jspolicy', 'jspolicy.cluster': source, ...settings.resource }),
        };
        const body = JSON.stringify({
          resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'jspolicy' }, logRecords }] }],
        });
        const answer = await client.post({ url, headers: { 'content-type': 'application/json' }, body, signal });
        checkPartial(answer.body);
        return [];
      },
      close: async () => client.close(),
    };
  },
});

function record(event: ViolationEvent): object {
  const { data, time, id, subject } = event;
  const [severityNumber, severityText] = SEVERITIES[data.action] ?? [9, 'INFO'];
  const nanos = `${Date.parse(time)}000000`;
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber,
    severityText,
    eventName: event.type,
    body: { stringValue: data.message ?? data.reason ?? `${data.policy}: ${data.action}` },
    attributes: attributes({
      'cloudevents.event_id': id,
      'cloudevents.event_subject': subject,
      'jspolicy.policy': data.policy,
      'jspolicy.revision': String(data.revision),
      'jspolicy.action': data.action,
      'jspolicy.code': String(data.code),
      'jspolicy.reason': data.reason,
      'jspolicy.request.uid': data.request.uid,
      'jspolicy.request.operation': data.request.operation,
      'jspolicy.dry_run': String(data.dryRun),
      'jspolicy.occurrences': data.occurrences?.toString(),
      'user.name': data.user.username,
      'k8s.namespace.name': data.object.namespace,
      'k8s.object.kind': data.object.kind,
      'k8s.object.name': data.object.name,
      'k8s.object.uid': data.object.uid,
    }),
  };
}

const attributes = (values: Record<string, string | undefined>): object[] =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, stringValue]) => ({ key, value: { stringValue } }));

interface LogsAnswer {
  partialSuccess?: { rejectedLogRecords?: string | number; errorMessage?: string };
}

function answerOf(body: string): LogsAnswer {
  try {
    const answer: unknown = JSON.parse(body || '{}');
    if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer;
  } catch {
    // Told below.
  }
  throw new Error(`the server's answer is none of OTLP in JSON: ${body.slice(0, MAX_SHOWN)}`);
}

/** A collector that took a part says how many it refused, and not which. */
function checkPartial(body: string): void {
  const { rejectedLogRecords = 0, errorMessage = '' } = answerOf(body).partialSuccess ?? {};
  if (Number(rejectedLogRecords) !== 0)
    throw new RefusedError(`the server refused ${rejectedLogRecords} records: ${errorMessage}`);
}

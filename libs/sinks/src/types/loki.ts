import { required, text, textMap, url, withDefault } from '../fields.ts';
import { HttpClient, httpFields, httpProblems } from '../http-request.ts';
import { type SinkEvent, sinkType } from '../port.ts';

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Lines of JSON to Grafana Loki; the streams' labels are few: policy, action and those of the settings. */
export const loki = sinkType({
  fields: {
    ...httpFields,
    url: required(url('http', 'https')),
    tenant: text(),
    labels: withDefault(textMap(), { job: 'jspolicy' }),
  },
  problems: (settings) => [
    ...httpProblems(settings),
    ...Object.keys(settings.labels ?? {})
      .filter((name) => !LABEL.test(name))
      .map((name) => `labels: ${name} is no name of a label`),
  ],
  open(settings, context) {
    const client = new HttpClient(settings.url, settings, context);
    const headers = {
      'content-type': 'application/json',
      ...(settings.tenant !== undefined && { 'x-scope-orgid': settings.tenant }),
    };
    return {
      async write(events, signal) {
        const body = JSON.stringify({ streams: streams(events, settings.labels) });
        await client.post({ url: new URL('/loki/api/v1/push', settings.url).href, headers, body, signal });
        return [];
      },
      close: async () => client.close(),
    };
  },
});

function streams(events: readonly SinkEvent[], labels: Record<string, string>): object[] {
  const groups = Map.groupBy(events, ({ event: { data } }) => JSON.stringify([data.policy, data.action]));
  return [...groups.values()].map((group) => {
    const data = group[0]?.event.data;
    return {
      stream: { ...labels, policy: data?.policy, action: data?.action },
      values: group.map(({ event, json }) => [nanoseconds(event.time), json]),
    };
  });
}

const nanoseconds = (time: string): string => `${Date.parse(time)}000000`;

import { required, text, url, withDefault } from '../fields.ts';
import { HttpClient, httpFields, httpProblems, MAX_SHOWN } from '../http-request.ts';
import { placeholderProblem, withPlaceholders } from '../placeholders.ts';
import { AnsweredError, type Refused, type SinkEvent, sinkType } from '../port.ts';

/** Documents for Elasticsearch or OpenSearch by _bulk, with the event's id: one that is there already stays. */
export const elasticsearch = sinkType({
  fields: {
    ...httpFields,
    url: required(url('http', 'https')),
    /** An index or a data stream. */
    index: withDefault(text(), 'jspolicy-violations-{date}'),
  },
  problems: (settings) => [
    ...httpProblems(settings),
    ...placeholderProblem('index', settings.index),
    ...(settings.index !== undefined &&
    /[A-Z\s\\/*?"<>|,#:]|^[-_+.]/.test(settings.index.replaceAll(/\{[^{}]*\}/g, 'x'))
      ? ['index is no name of an index']
      : []),
  ],
  open(settings, context) {
    const client = new HttpClient(settings.url, settings, context);
    const url = `${settings.url.replace(/\/$/, '')}/_bulk`;
    return {
      async write(events, signal) {
        const body = events.map((each) => action(each, settings.index)).join('');
        const headers = { 'content-type': 'application/x-ndjson' };
        const answer = await client.post({ url, headers, body, signal });
        return refusedOf(events, itemsOf(answer.body, events.length));
      },
      close: async () => client.close(),
    };
  },
});

interface BulkItem {
  create?: { status?: number; error?: { type?: string; reason?: string } };
}

/** What became of each event. Throws for an answer that does not tell: something else than Elasticsearch is there. */
function itemsOf(body: string, count: number): BulkItem[] {
  try {
    const { items } = JSON.parse(body) as { items?: BulkItem[] };
    if (Array.isArray(items) && items.length === count) return items;
  } catch {
    // Told below.
  }
  throw new Error(`the server's answer is none of _bulk for ${count} events: ${body.slice(0, MAX_SHOWN)}`);
}

function action({ event }: SinkEvent, template: string): string {
  const _index = withPlaceholders(template, event, (value) => value.toLowerCase().replaceAll(/[^-.\w]/g, '_'));
  const create = JSON.stringify({ create: { _index, _id: event.id } });
  return `${create}\n${JSON.stringify({ '@timestamp': event.time, ...event })}\n`;
}

/** It is there already. */
const CONFLICT = 409;

function refusedOf(events: readonly SinkEvent[], items: readonly BulkItem[]): Refused[] {
  const refused: Refused[] = [];
  for (const [i, { sequence }] of events.entries()) {
    const { status = 0, error } = items[i]?.create ?? {};
    if ((status >= 200 && status < 300) || status === CONFLICT) continue;
    const reason = `the server answered ${status} for this event: ${error?.type ?? ''} ${error?.reason ?? ''}`.trim();
    // The others are there: written again, they conflict with themselves.
    if (status !== 400) throw new AnsweredError(reason);
    refused.push({ sequence, reason });
  }
  return refused;
}

import { createHash, createHmac } from 'node:crypto';
import { oneOf, required, secret, url, withDefault } from '../fields.ts';
import { HttpClient, httpFields, httpProblems } from '../http-request.ts';
import { type SinkEvent, sinkType } from '../port.ts';

/** CloudEvents over HTTP: one event in a request (structured mode), or several (batched mode). */
export const webhook = sinkType({
  fields: {
    ...httpFields,
    url: required(url('http', 'https')),
    mode: withDefault(oneOf('structured', 'batched'), 'structured'),
    /** A key of Standard Webhooks: `whsec_` and base64. */
    signingSecret: secret(),
  },
  problems: httpProblems,
  open(settings, context) {
    const client = new HttpClient(settings.url, settings, context);
    const key = settings.signingSecret === undefined ? undefined : signingKey(settings.signingSecret);
    const batched = settings.mode === 'batched';
    return {
      ...(!batched && { maxEvents: 1 }),
      async write(events, signal) {
        const body = batched ? `[${events.map(({ json }) => json).join(',')}]` : (events[0]?.json ?? '');
        const type = batched ? 'application/cloudevents-batch+json' : 'application/cloudevents+json';
        const headers = { 'content-type': `${type}; charset=utf-8`, ...(key && signature(key, idOf(events), body)) };
        await client.post({ url: settings.url, headers, body, signal });
        return [];
      },
      close: async () => client.close(),
    };
  },
});

function signingKey(secretText: string): Buffer {
  const key = Buffer.from(secretText.trim().replace(/^whsec_/, ''), 'base64');
  // What Standard Webhooks asks for.
  if (key.length < 24 || key.length > 64) throw new Error('signingSecret must be whsec_ and base64 of 24 to 64 bytes');
  return key;
}

/** Of one event its own id; of several one that is the same when the same ones are sent again. */
function idOf(events: readonly SinkEvent[]): string {
  const ids = events.map(({ event }) => event.id);
  return ids.length === 1 ? (ids[0] ?? '') : createHash('sha256').update(ids.join('\n')).digest('hex');
}

/** The three headers of Standard Webhooks. */
function signature(key: Buffer, id: string, body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signed = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signed}` };
}

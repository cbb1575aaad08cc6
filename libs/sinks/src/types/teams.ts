import type { ViolationEvent } from '@jspolicy/contracts';
import { cutUtf8 } from '@jspolicy/policy';
import { required, secret } from '../fields.ts';
import { HttpClient } from '../http-request.ts';
import { sinkType } from '../port.ts';
import { headline } from '../words.ts';

/** A card is at most 28 KB. */
const MAX_EVENTS = 10;
/** Bytes. */
const MAX_MESSAGE = 500;

/** Adaptive cards to a workflow of Microsoft Teams ("when a webhook request is received"). */
export const teams = sinkType({
  fields: { urlSecret: required(secret()), caSecret: secret() },
  open({ urlSecret, caSecret }, context) {
    const url = urlSecret.trim();
    const client = new HttpClient(url, { caSecret }, context);
    return {
      maxEvents: MAX_EVENTS,
      async write(events, signal) {
        const body = JSON.stringify(message(events.flatMap(({ event }) => blocks(event))));
        await client.post({ url, headers: { 'content-type': 'application/json' }, body, signal });
        return [];
      },
      close: async () => client.close(),
    };
  },
});

const message = (body: object[]) => ({
  type: 'message',
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
        type: 'AdaptiveCard',
        version: '1.4',
        body,
      },
    },
  ],
});

function blocks(event: ViolationEvent): object[] {
  const { message: told } = event.data;
  const block = (text: string, style: object) => ({ type: 'TextBlock', text: plain(text), wrap: true, ...style });
  return [
    block(headline(event), { weight: 'Bolder', separator: true }),
    ...(told === undefined ? [] : [block(cutUtf8(told, MAX_MESSAGE), { isSubtle: true })]),
  ];
}

/** Cards read Markdown: text from outside must not link. */
const plain = (value: string): string => value.replaceAll(/[\\[\]()*_]/g, '\\$&');

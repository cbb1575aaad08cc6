import type { ViolationEvent } from '@jspolicy/contracts';
import { cutUtf8 } from '@jspolicy/policy';
import { required, secret, text } from '../fields.ts';
import { HttpClient } from '../http-request.ts';
import { sinkType } from '../port.ts';
import { headline } from '../words.ts';

/** More lines than this nobody reads in one message. */
const MAX_EVENTS = 20;
/** Bytes. */
const MAX_MESSAGE = 500;

/** Messages to an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat). */
export const slack = sinkType({
  fields: { urlSecret: required(secret()), channel: text(), username: text(), caSecret: secret() },
  open({ urlSecret, channel, username, caSecret }, context) {
    const url = urlSecret.trim();
    const client = new HttpClient(url, { caSecret }, context);
    return {
      maxEvents: MAX_EVENTS,
      async write(events, signal) {
        const lines = events.map(({ event }) => line(event)).join('\n');
        const body = JSON.stringify({ text: lines, channel, username });
        await client.post({ url, headers: { 'content-type': 'application/json; charset=utf-8' }, body, signal });
        return [];
      },
      close: async () => client.close(),
    };
  },
});

const line = (event: ViolationEvent): string =>
  `*${escaped(headline(event))}*${event.data.message ? `\n>${escaped(cutUtf8(event.data.message, MAX_MESSAGE)).replaceAll('\n', '\n>')}` : ''}`;

/** The three characters that mean something to Slack: text from outside must not mention or link. */
const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

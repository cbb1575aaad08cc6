import type { SinkTypeName } from '@jspolicy/contracts';
import { cutUtf8 } from '@jspolicy/policy';
import { SINKS } from './sink-types.ts';

/** Enough to know what is the matter; it stands in conditions, logs and dead letters. */
const MAX_BYTES = 512;
/** Shorter ones are in texts by chance, and hiding them would leave nothing that can be read. */
const MIN_SECRET = 4;
/** Of the lines of a secret, such as a key: some of them are `-----`. */
const MIN_LINE = 12;

/** What may be told of an error: one line of at most 512 bytes, without control characters. */
export const oneLine = (text: string): string =>
  cutUtf8(
    text
      .toWellFormed()
      .replaceAll(/[\p{Cc}\s]+/gu, ' ')
      .trim(),
    MAX_BYTES,
  );

/**
 * Makes errors of a sink fit to be told: oneLine(), and without its secrets, which servers may repeat. Settings are in plain, as
 * the sink gets them.
 */
export function errorTextOf(type: SinkTypeName, settings: Record<string, unknown>): (text: string) => string {
  const forms = [...new Set(secretsOf(type, settings).flatMap((secret) => formsOf(secret, settings)))]
    .filter((form) => form.length >= MIN_SECRET)
    // A long one may hold a short one.
    .sort((a, b) => b.length - a.length);
  return (text) => oneLine(forms.reduce((left, form) => left.replaceAll(form, '***'), text));
}

function secretsOf(type: SinkTypeName, settings: Record<string, unknown>): string[] {
  const { fields } = SINKS[type];
  const values = Object.keys(fields)
    .filter((key) => fields[key]?.secret !== undefined)
    .flatMap((key) => {
      const value = settings[key];
      return typeof value === 'object' && value !== null ? Object.values(value) : [value];
    });
  return values.filter((value) => typeof value === 'string').map((value) => value.trim());
}

/** How a secret may stand in a text. */
function formsOf(secret: string, settings: Record<string, unknown>): string[] {
  const base64 = Buffer.from(secret).toString('base64');
  const pairs = [settings['username'], settings['user']]
    .filter((user) => typeof user === 'string')
    .map((user) => Buffer.from(`${user}:${secret}`).toString('base64'));
  const encoded = encodeURIComponent(secret);
  const url = URL.parse(secret);
  return [
    secret,
    // As answers of servers are shown.
    secret.replaceAll(/\s+/g, ' '),
    ...(secret.includes('\n') ? secret.split(/\s*\n\s*/).filter((line) => line.length >= MIN_LINE) : []),
    JSON.stringify(secret).slice(1, -1),
    encoded,
    encoded.replaceAll(/%../g, (byte) => byte.toLowerCase()),
    encoded.replaceAll('%20', '+'),
    ...[base64, ...pairs].flatMap((each) => [each, each.replace(/=+$/, ''), encodeURIComponent(each)]),
    Buffer.from(secret).toString('base64url'),
    // A webhook's address is a secret for its path.
    ...(url && url.pathname.length > 1 ? [url.pathname + url.search, url.pathname] : []),
  ];
}

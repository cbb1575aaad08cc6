import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { AwsV4Signer } from 'aws4fetch';
import { flag, oneOf, required, secret, text, url, withDefault } from '../fields.ts';
import { HttpClient } from '../http-request.ts';
import { RefusedError, type SinkEvent, sinkType } from '../port.ts';

/** Objects with lines of JSON in a bucket of S3, or of what speaks it, below `<prefix>yyyy/mm/dd/hh/`. */
export const s3 = sinkType({
  fields: {
    endpoint: required(url('http', 'https')),
    region: withDefault(text(), 'us-east-1'),
    bucket: required(text()),
    prefix: withDefault(text(), 'violations/'),
    /** The bucket in the path; false: in the host's name. */
    pathStyle: withDefault(flag(), true),
    compression: withDefault(oneOf('none', 'gzip'), 'none'),
    accessKeyIdSecret: required(secret()),
    secretAccessKeySecret: required(secret()),
    sessionTokenSecret: secret(),
    caSecret: secret(),
  },
  problems: ({ bucket, prefix, endpoint }) => [
    ...(bucket !== undefined && (!/^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..'))
      ? ['bucket is no name of a bucket']
      : []),
    ...(prefix !== undefined && !/^[-\w./=]{0,200}$/.test(prefix) ? ['prefix must be letters, digits and -_./='] : []),
    // They are resolved on the way, and lead to other buckets.
    ...(prefix?.split('/').some((part) => part === '.' || part === '..') ? ['prefix must not hold . or ..'] : []),
    ...(prefix?.startsWith('/') ? ['prefix must not begin with /'] : []),
    ...(endpoint !== undefined && URL.parse(endpoint)?.pathname !== '/' ? ['endpoint must be without a path'] : []),
  ],
  open(settings, context) {
    const { endpoint, bucket, pathStyle, prefix, caSecret } = settings;
    const client = new HttpClient(endpoint, { caSecret }, context);
    const base = new URL(endpoint);
    if (!pathStyle) base.hostname = `${bucket}.${base.hostname}`;
    const root = `${base.origin}${pathStyle ? `/${bucket}` : ''}`;
    const gzip = settings.compression === 'gzip';
    return {
      async write(events, signal) {
        // By hour: what is written again gets the same names.
        for (const [hour, group] of Map.groupBy(events, hourOf)) {
          const lines = Buffer.from(group.map(({ json }) => `${json}\n`).join(''));
          const body = new Uint8Array(gzip ? gzipSync(lines) : lines);
          const target = `${root}/${prefix}${hour}/${nameOf(group)}.ndjson${gzip ? '.gz' : ''}`;
          const { url: signedUrl, headers } = await signer(settings, target, body).sign();
          const put = { method: 'PUT', url: signedUrl.href, headers: Object.fromEntries(headers), body, signal };
          await client.post(put).catch(mendable);
        }
        return [];
      },
      close: async () => client.close(),
    };
  },
});

/**
 * S3 answers 400 also to another region, a token that has expired and a clock that is wrong. Nothing in an object of ours is
 * ever to blame: everything is tried again.
 */
function mendable(error: Error): never {
  throw error instanceof RefusedError ? new Error(error.message, { cause: error }) : error;
}

interface Keys {
  region: string;
  accessKeyIdSecret: string;
  secretAccessKeySecret: string;
  sessionTokenSecret: string | undefined;
}

function signer(keys: Keys, target: string, body: Uint8Array<ArrayBuffer>): AwsV4Signer {
  const { region, accessKeyIdSecret, secretAccessKeySecret, sessionTokenSecret } = keys;
  return new AwsV4Signer({
    method: 'PUT',
    url: target,
    service: 's3',
    region,
    accessKeyId: accessKeyIdSecret.trim(),
    secretAccessKey: secretAccessKeySecret.trim(),
    ...(sessionTokenSecret !== undefined && { sessionToken: sessionTokenSecret.trim() }),
    headers: {
      'content-type': target.endsWith('.gz') ? 'application/gzip' : 'application/x-ndjson',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    },
    body,
  });
}

const hourOf = ({ event }: SinkEvent): string =>
  new Date(event.time).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/');

/** Sorts as the stream does; another life of the stream, where positions begin again, gives other names. */
function nameOf(events: readonly SinkEvent[]): string {
  const hash = createHash('sha256')
    .update(events.map(({ event }) => event.id).join('\n'))
    .digest('hex');
  return `${String(events[0]?.sequence ?? 0).padStart(16, '0')}-${hash.slice(0, 16)}`;
}

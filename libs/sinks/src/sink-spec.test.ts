import type { SinkTypeName, ViolationSinkSpec } from '@jspolicy/contracts';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { violation } from './events.test-part.ts';
import { batchOf, filterOf, plainSettings, retryOf, sinkProblems, startOf } from './index.ts';

const ref = { name: 'secret', key: 'key' };
const url = 'https://example.com/x';
const endpoint = 'https://s3.example.com';
const keys = { accessKeyIdSecret: ref, secretAccessKeySecret: ref };

const spec = (type: SinkTypeName, settings: unknown): ViolationSinkSpec => ({
  type,
  [type === 'kubernetes-events' ? 'kubernetesEvents' : type]: settings,
});

describe('settings that can be used', () => {
  test.each<[SinkTypeName, unknown]>([
    ['webhook', { url, headers: { 'X-Team': 'a' }, secretHeaders: { Authorization: ref }, signingSecret: ref }],
    ['slack', { urlSecret: ref }],
    ['teams', { urlSecret: ref }],
    ['kafka', { brokers: ['a:9092'], topic: 'violations', tls: true, caSecret: ref }],
    ['nats', { url: 'tls://example.com:4222', subject: 'a.{policy}.{action}', credentialsSecret: ref }],
    ['s3', { endpoint, bucket: 'violations', compression: 'gzip', ...keys }],
    ['loki', { url, tenant: 'a', labels: { job: 'x' } }],
    ['elasticsearch', { url, index: 'v-{policy}-{date}', username: 'a', passwordSecret: ref }],
    ['syslog', { host: 'example.com', port: 514, tls: false }],
    ['otlp', { endpoint: url, resource: { 'k8s.cluster.name': 'a' } }],
    ['kubernetes-events', undefined],
    ['stdout', undefined],
    ['file', { path: '/var/log/violations.ndjson' }],
  ])('%s', (type, settings) => {
    expect(sinkProblems(spec(type, settings))).toEqual([]);
  });
});

describe('settings that cannot', () => {
  test.each<[SinkTypeName, unknown, string]>([
    ['webhook', {}, 'spec.webhook.url: is required'],
    ['webhook', { url: 'ftp://a' }, 'spec.webhook.url: must be a URL that begins with http:// or https://'],
    ['webhook', { url: 'https://a:b@c' }, 'spec.webhook.url: must not hold credentials'],
    ['webhook', { url, mode: 'x' }, 'spec.webhook.mode: must be one of structured, batched'],
    ['webhook', { url, headers: { 'a b': 'c' } }, 'spec.webhook.headers: "a b" is no header'],
    ['webhook', { url, headers: { Host: 'a' } }, 'spec.webhook.headers: Host cannot be set'],
    ['webhook', { url, headers: { 'content-length': '1' } }, 'spec.webhook.headers: content-length cannot be set'],
    [
      'webhook',
      { url, secretHeaders: { 'Proxy-Authorization': ref } },
      'spec.webhook.secretHeaders: Proxy-Authorization cannot be set',
    ],
    [
      'webhook',
      { url, secretHeaders: { a: { name: 'a\nb', key: 'c' } } },
      'spec.webhook.secretHeaders: a must name a Secret: {name, key}',
    ],
    ['loki', { url, tenant: 'a\r\nX-Other: b' }, 'spec.loki.tenant: must be one line of text'],
    ['syslog', { host: 'a\nb' }, 'spec.syslog.host: must be one line of text'],
    [
      'nats',
      { url: 'nats://a', subject: '$JS.API.STREAM.DELETE.{policy}' },
      'spec.nats: subject must not begin with $',
    ],
    ['s3', { endpoint: url, bucket: 'abc', ...keys }, 'spec.s3: endpoint must be without a path'],
    ['s3', { endpoint, bucket: 'abc', prefix: '../other/', ...keys }, 'spec.s3: prefix must not hold . or ..'],
    ['s3', { endpoint, bucket: 'abc', prefix: '/a', ...keys }, 'spec.s3: prefix must not begin with /'],
    ['s3', { endpoint, bucket: 'a..b', ...keys }, 'spec.s3: bucket is no name of a bucket'],
    ['file', { path: 'a/../b' }, 'spec.file: path must not hold ..'],
    ['file', { path: 'a/' }, 'spec.file: path must be that of a file'],
    ['webhook', { url, headers: { a: 'b\nc' } }, 'spec.webhook.headers: a must be one line of ASCII text'],
    ['webhook', { url, signingSecret: 'plain' }, 'spec.webhook.signingSecret: must name a Secret: {name, key}'],
    ['webhook', { url, secretHeaders: { a: 'b' } }, 'spec.webhook.secretHeaders: a must name a Secret: {name, key}'],
    [
      'webhook',
      { url, clientKeySecret: ref },
      'spec.webhook: clientCertificateSecret and clientKeySecret belong together',
    ],
    ['webhook', { url, colour: 'red' }, 'spec.webhook.colour: is an unknown field'],
    ['slack', { url, urlSecret: ref }, 'spec.slack.url: is an unknown field'],
    ['slack', {}, 'spec.slack.urlSecret: is required'],
    ['teams', {}, 'spec.teams.urlSecret: is required'],
    ['kafka', { brokers: ['a'], topic: 't' }, 'spec.kafka.brokers: must be a list of host:port'],
    ['kafka', { brokers: ['a:1'], topic: 'a b' }, 'spec.kafka: topic is no name of a topic'],
    [
      'kafka',
      { brokers: ['a:1'], topic: 't', caSecret: ref },
      'spec.kafka: caSecret and clientCertificateSecret are for tls: true',
    ],
    [
      'kafka',
      { brokers: ['a:1'], topic: 't', username: 'a' },
      'spec.kafka: saslMechanism, username and passwordSecret belong together',
    ],
    ['nats', { url: 'http://a' }, 'spec.nats.url: must be a URL that begins with nats:// or tls://'],
    ['nats', { url: 'nats://a', subject: 'a.>' }, 'spec.nats: subject is no subject of NATS'],
    [
      'nats',
      { url: 'nats://a', subject: '{who}' },
      'spec.nats: subject has {who}, known are {policy}, {action}, {namespace}, {kind}, {date}',
    ],
    ['nats', { url: 'nats://a', user: 'a' }, 'spec.nats: user and passwordSecret belong together'],
    ['s3', { endpoint, bucket: 'A', ...keys }, 'spec.s3: bucket is no name of a bucket'],
    ['s3', { endpoint: url, bucket: 'abc', secretAccessKeySecret: ref }, 'spec.s3.accessKeyIdSecret: is required'],
    ['s3', { endpoint, bucket: 'abc', prefix: 'a b', ...keys }, 'spec.s3: prefix must be letters, digits and -_./='],
    ['loki', { url, labels: { 'a-b': 'c' } }, 'spec.loki: labels: a-b is no name of a label'],
    ['elasticsearch', { url, index: 'Big' }, 'spec.elasticsearch: index is no name of an index'],
    ['elasticsearch', { url, username: 'a' }, 'spec.elasticsearch: username and passwordSecret belong together'],
    ['syslog', { host: 'a', port: 70_000 }, 'spec.syslog.port: must be a whole number from 1 to 65535'],
    [
      'syslog',
      { host: 'a', tls: false, caSecret: ref },
      'spec.syslog: caSecret and clientCertificateSecret are for TLS',
    ],
    ['syslog', { host: 'a', appName: 'a b' }, 'spec.syslog: appName must be 1 to 48 visible characters'],
    ['otlp', { endpoint: 'grpc://a' }, 'spec.otlp.endpoint: must be a URL that begins with http:// or https://'],
    [
      'otlp',
      { endpoint: url, bearerTokenSecret: ref, username: 'a', passwordSecret: ref },
      'spec.otlp: bearerTokenSecret and username exclude each other',
    ],
    [
      'kubernetes-events',
      { defaultNamespace: 'A' },
      'spec.kubernetesEvents: defaultNamespace is no name of a namespace',
    ],
    ['stdout', { colour: 'red' }, 'spec.stdout.colour: is an unknown field'],
    ['file', { path: '/a', maxMiB: 0 }, 'spec.file.maxMiB: must be a whole number from 1 to 102400'],
  ])('%s %j', (type, settings, problem) => {
    expect(sinkProblems(spec(type, settings))).toEqual([problem]);
  });
});

describe('what every sink has', () => {
  test.each([
    [{ type: 'pigeon' }, 'spec.type: must be one of webhook'],
    [undefined, 'spec: is required'],
    [{ type: 'stdout', webhook: { url } }, 'spec.webhook: is not for a sink of the type stdout'],
    [{ type: 'stdout', from: 'Tomorrow' }, 'spec.from: must be New, All, a duration such as 24h, or an RFC 3339 time'],
    [{ type: 'stdout', paused: 'yes' }, 'spec.paused: must be true or false'],
    [{ type: 'stdout', batch: { maxEvents: 0 } }, 'spec.batch.maxEvents: must be a whole number from 1 to 5000'],
    [{ type: 'stdout', retry: { maxAttempts: 1.5 } }, 'spec.retry.maxAttempts: must be a whole number'],
    [{ type: 'stdout', filter: { actions: ['Allow'] } }, 'spec.filter.actions: must be a list of Deny, Warn'],
    [{ type: 'stdout', filter: { policies: Array(1_001).fill('a') } }, 'spec.filter.policies: must be a list of names'],
    [{ type: 'stdout', filter: { policies: ['a'.repeat(254)] } }, 'spec.filter.policies: must be a list of names'],
    [{ type: 'stdout', occurrences: {} }, 'spec.occurrences.windowSeconds: is required'],
    [{ type: 'stdout', filter: { policies: [] } }, 'spec.filter.policies: must be a list of names of policies'],
    [{ type: 'stdout', filter: { expression: 'event.data ==' } }, 'spec.filter.expression: '],
    [{ type: 'stdout', filter: { expression: '1 + 1' } }, 'spec.filter.expression: must give a bool, gives int'],
    [{ type: 'stdout', filter: { expression: 'evnt.data' } }, 'spec.filter.expression: Unknown variable: evnt'],
  ])('%j', (given, problem) => {
    const problems = sinkProblems(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('has defaults, field by field', () => {
    const given: ViolationSinkSpec = { type: 'stdout', batch: { maxEvents: 7 }, retry: { maxAttempts: 3 } };
    expect(batchOf(given)).toEqual({ maxEvents: 7, maxBytes: 1_048_576, maxWaitMs: 200 });
    expect(retryOf(given)).toEqual({ baseMs: 500, maxMs: 30_000, timeoutMs: 10_000, maxAttempts: 3 });
    expect(retryOf({ type: 'stdout' }).maxAttempts).toBe(Number.POSITIVE_INFINITY);
  });

  test('has fields without a value as if they were left out', () => {
    const given = parse(
      'type: stdout\nstdout:\nfilter:\n  policies:\n  expression:\nbatch:\n  maxEvents:\nretry:\n  baseMs:\n',
    ) as ViolationSinkSpec;
    expect(sinkProblems(given)).toEqual([]);
    expect(batchOf(given)).toEqual(batchOf({ type: 'stdout' }));
    expect(retryOf(given)).toEqual(retryOf({ type: 'stdout' }));
    expect(filterOf(given).judge([violation(1)])).toEqual([true]);
    expect(filterOf(parse('type: stdout\nfilter:\n')).judge([violation(1)])).toEqual([true]);
  });

  test('begins where `from` says', () => {
    const now = Date.parse('2026-01-02T00:00:00Z');
    expect(startOf(undefined, now)).toBe('New');
    expect(startOf('36h', now)).toEqual({ since: new Date('2025-12-31T12:00:00Z') });
    expect(startOf('2026-01-01T00:00:00Z', now)).toEqual({ since: new Date('2026-01-01T00:00:00Z') });
    expect(startOf('36', now)).toBeUndefined();
    // Before any clock: the beginning.
    for (const from of ['999999d', '0001-01-01T00:00:00Z']) expect(startOf(from, now)).toEqual({ since: new Date(0) });
  });

  test('has its secrets in plain when it is opened', async () => {
    const given = spec('webhook', { url, signingSecret: ref, secretHeaders: { A: ref } });
    const settings = await plainSettings(given, async ({ name, key }) => `${name}/${key}`);
    expect(settings).toEqual({
      url,
      mode: 'structured',
      signingSecret: 'secret/key',
      secretHeaders: { A: 'secret/key' },
    });
  });
});

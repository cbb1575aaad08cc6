import { freePort, waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testFunctions } from '../host-functions.test-part.ts';
import type { FetchResult } from './fetch-sync.ts';
import { Fetcher } from './fetcher.ts';
import { type FixtureServer, fixtureServer, MIB, nonsenseServer } from './fixture-server.test-part.ts';

let server: FixtureServer;
let fetchers: Fetcher[] = [];

beforeAll(async () => {
  server = await fixtureServer();
});
afterAll(() => server.stop());
afterEach(() => {
  for (const fetcher of fetchers) fetcher.close();
  fetchers = [];
});

function granted(...hosts: string[]) {
  const fetcher = new Fetcher(hosts);
  fetchers.push(fetcher);
  const { functions, call, failure } = testFunctions({ fetcher });
  return {
    functions,
    get: async (url: string, options?: object) => (await call('fetchSync', url, options)) as FetchResult,
    failure: async (url: unknown, options?: unknown) =>
      String(await failure('fetchSync', url, options)).replace(/^FetchSync: /, ''),
  };
}
const here = () => granted(`127.0.0.1:${server.port}`);
const echoed = async (path: string, options?: object) =>
  JSON.parse((await here().get(server.url + path, options)).body ?? '');

describe('requests', () => {
  test('what is sent without options', async () => {
    const { method, headers, body } = await echoed('/echo');
    expect({ method, body }).toEqual({ method: 'GET', body: '' });
    expect(headers).toEqual({
      host: `127.0.0.1:${server.port}`,
      'user-agent': 'Go-http-client/1.1',
      'accept-encoding': 'gzip',
      connection: 'keep-alive',
    });
  });

  test('method, headers and body; what belongs to the connection cannot be set', async () => {
    const headers = {
      'content-type': 'text/x',
      'X-Custom': 'ä',
      host: 'other',
      'Content-Length': '1',
      'user-agent': 'me',
    };
    const sent = await echoed('/echo?a=1', { method: 'post', headers, body: 'bödy' });
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/echo?a=1',
      body: 'bödy',
      headers: {
        host: `127.0.0.1:${server.port}`,
        'content-type': 'text/x',
        'x-custom': Buffer.from('ä').toString('latin1'),
        'content-length': '5',
        'user-agent': 'me',
      },
    });
  });

  test('user and password of the URL authenticate, and errors hide the password', async () => {
    const { get, failure } = here();
    const { body } = await get(`http://user:pass@127.0.0.1:${server.port}/echo`);
    expect(JSON.parse(body ?? '').headers.authorization).toBe(`Basic ${btoa('user:pass')}`);
    expect(await failure('http://user:pass@other.example/')).toContain('"http://user:***@other.example/"');
  });
});

describe('answers', () => {
  test('headers: canonical names, first values', async () => {
    const { headers } = await here().get(`${server.url}/headers`);
    expect(headers).toMatchObject({ 'X-Multi': 'a', 'X-Upper': 'u' });
    expect(Object.keys(headers)).not.toContain('Transfer-Encoding');
  });

  test('any status is an answer; nothing is no text; bytes that are no UTF-8 are shown', async () => {
    const { get } = here();
    expect(await get(`${server.url}/teapot`)).toMatchObject({
      status: 418,
      statusText: '418 I am',
      ok: false,
      body: undefined,
    });
    expect((await get(`${server.url}/bytes`)).body).toBe('a\ufffdb');
    expect(await get(`${server.url}/no-location`)).toMatchObject({ status: 302, body: 'stays' });
  });

  test('what was packed on the way is unpacked, unless the policy wants to do that', async () => {
    const { get, failure } = here();
    const { body, headers } = await get(`${server.url}/gzip`);
    expect(body).toBe('packed');
    expect(Object.keys(headers)).not.toContain('Content-Encoding');
    const own = await get(`${server.url}/gzip`, { headers: { 'accept-encoding': 'gzip ' } });
    expect(own.headers['Content-Encoding']).toBe('gzip');
    expect(await failure(`${server.url}/no-gzip`)).toMatch(/^read body: gzip: /);
  });

  test('10 MiB are an answer, more is none, packed or endless', async () => {
    const { get, failure } = here();
    expect((await get(`${server.url}/ten`)).body).toHaveLength(10 * MIB);
    for (const path of ['/more', '/endless', '/bomb']) {
      expect(await failure(server.url + path)).toBe('read body: the body is larger than 10 MiB');
    }
  });

  test('a connection that ends in the middle', async () => {
    const { failure } = here();
    expect(await failure(`${server.url}/half`)).toMatch(/^read body: unexpected EOF/);
    expect(await failure(`${server.url}/closed`)).toMatch(/^Get ".*\/closed": EOF/);
  });

  test('what is no HTTP, and where nobody listens', async () => {
    const nonsense = await nonsenseServer();
    const port = await freePort();
    const { failure } = granted(`127.0.0.1:${nonsense.port}`, `127.0.0.1:${port}`, 'no-such-host.invalid');
    expect(await failure(`http://127.0.0.1:${nonsense.port}/`)).toMatch(/^Get .*Parse Error/);
    expect(await failure(`http://127.0.0.1:${port}/`, { method: 'POST' })).toBe(
      `Post "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    expect(await failure('http://no-such-host.invalid/')).toMatch(/^Get "http:\/\/no-such-host.invalid\/": /);
    nonsense.stop();
  });

  test.each(['/silent', '/endless'])('%s ends with the evaluation, and so does its connection', async (path) => {
    const { functions } = here();
    const before = server.seen.length;
    const evaluation = new AbortController();
    const asked = functions.call({ name: 'fetchSync', args: [server.url + path] }, evaluation.signal);
    asked.catch(() => undefined);
    await waitFor(() => server.seen.length > before, { what: 'the request to come' });
    evaluation.abort();
    await expect(asked).rejects.toThrow();
    await waitFor(async () => (await server.connections()) === 0, { what: 'the connection to end' });
  });
});

describe('redirects', () => {
  const to = (status: number, target: string) => `${server.url}/redirect/${status}?${encodeURIComponent(target)}`;

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [302, 'HEAD', 'HEAD', ''],
    [307, 'POST', 'POST', 'b'],
    [308, 'PUT', 'PUT', 'b'],
  ])('%i of a %s is followed by a %s', async (status, method, then, body) => {
    const before = server.seen.length;
    const result = await here().get(to(status, '/echo'), { method, body: 'b', headers: { Authorization: 'x' } });
    expect(server.seen.slice(before).at(-1)).toBe(`${then} /echo`);
    if (then === 'HEAD') return;
    const sent = JSON.parse(result.body ?? '');
    expect(sent.body).toBe(body);
    expect(sent.headers).toMatchObject({ authorization: 'x', referer: to(status, '/echo') });
  });

  test('ten requests are the end', async () => {
    const before = server.seen.length;
    expect(await here().failure(`${server.url}/loop`)).toBe('Get "/loop": stopped after 10 redirects');
    expect(server.seen.length - before).toBe(10);
  });

  test('what is meant for one host does not reach another', async () => {
    const other = await fixtureServer();
    const { get } = granted(`127.0.0.1:${server.port}`, `localhost:${other.port}`, `127.0.0.1:${other.port}`);
    const headers = { Authorization: 'secret', Cookie: 'c', 'X-Other': 'o' };
    const { body } = await get(to(307, `http://localhost:${other.port}/echo`), { headers });
    const sent = JSON.parse(body ?? '');
    expect(sent.headers).toMatchObject({ 'x-other': 'o' });
    expect(sent.headers).not.toHaveProperty('authorization');
    expect(sent.headers).not.toHaveProperty('cookie');
    await other.stop();
  });

  test.each([
    ['http://127.0.0.1:1/', /^Get "http:\/\/127.0.0.1:1\/": 127.0.0.1 is a loopback/],
    ['http://169.254.169.254/latest/meta-data/', /169.254.169.254 is a loopback or link-local address/],
    ['http://[::1]:1/', /must stand as \[::1\]:1 in FETCH_HOSTS/],
    ['http://2130706433:1/', /127.0.0.1 is a loopback/],
    ['http://localhost:1/', /localhost leads to (127.0.0.1|::1), a loopback/],
    ['ftp://x/', /unsupported protocol scheme "ftp"/],
    ['http://[x/', /failed to parse Location header/],
  ])('to %s is refused, even where every host is granted', async (target, message) => {
    expect(await granted('*', `127.0.0.1:${server.port}`).failure(to(302, target))).toMatch(message);
  });
});

describe('grants', () => {
  test('without one the setting is named', async () => {
    expect(await granted().failure('https://example.com/x')).toBe(
      'Get "https://example.com/x": example.com:443 is not granted: see FETCH_HOSTS of the evaluator',
    );
    expect(await granted('example.com:80').failure('https://example.com/')).toContain('example.com:443 is not granted');
    expect(await granted('*', '127.0.0.1').failure(server.url)).toContain(
      '127.0.0.1 is a loopback or link-local address',
    );
  });

  test('a name that leads to a loopback address is refused when it is connected to', async () => {
    const before = server.seen.length;
    const message = await granted(`localhost:${server.port}`).failure(`http://localhost:${server.port}/echo`);
    expect(message).toMatch(
      /localhost leads to (127.0.0.1|::1), a loopback or link-local address, which is not granted/,
    );
    expect(server.seen.length).toBe(before);
    const both = granted(`localhost:${server.port}`, `127.0.0.1:${server.port}`);
    expect(await both.get(`http://localhost:${server.port}/echo`)).toMatchObject({ status: 200 });
  });
});

describe('arguments', () => {
  const GO = 'error unmarshalling options: json: cannot unmarshal';
  test.each([
    [undefined, undefined, 'url is not a string'],
    [1, undefined, 'url is not a string'],
    ['http://x/', 'x', `${GO} string into Go value of type vm.FetchOptions`],
    ['http://x/', [], `${GO} array into Go value of type vm.FetchOptions`],
    ['http://x/', { method: 1 }, `${GO} number into Go struct field FetchOptions.method of type string`],
    ['http://x/', { body: {} }, `${GO} object into Go struct field FetchOptions.body of type string`],
    ['http://x/', { headers: { a: 1 } }, `${GO} number into Go struct field FetchOptions.headers of type string`],
    ['http://x/', { headers: 'a' }, `${GO} string into Go struct field FetchOptions.headers of type map[string]string`],
    ['http://x/', { insecure: 'yes' }, `${GO} string into Go struct field FetchOptions.insecure of type bool`],
    ['http://x/', { method: 'BAD METHOD' }, 'create request: net/http: invalid method "BAD METHOD"'],
    ['http://x/', { headers: { 'a b': 'c' } }, 'Get "http://x/": net/http: invalid header field name "a b"'],
    ['http://x/', { headers: { A: 'c\r\nB: d' } }, 'Get "http://x/": net/http: invalid header field value for "A"'],
    ['', undefined, 'Get "": unsupported protocol scheme ""'],
    ['nope', { method: 'put' }, 'Put "nope": unsupported protocol scheme ""'],
    ['file:///etc/passwd', undefined, 'Get "file:///etc/passwd": unsupported protocol scheme "file"'],
    ['http://', undefined, 'Get "http:": http: no Host in request URL'],
    ['http://[::1', undefined, `create request: parse "http://[::1": missing ']' in host`],
    ['://x', undefined, 'create request: parse "://x": missing protocol scheme'],
    ['1:2', undefined, 'create request: parse "1:2": first path segment in URL cannot contain colon'],
    ['http://x:y/', undefined, 'create request: parse "http://x:y/": invalid port ":y" after host'],
    ['http://a b/', undefined, 'create request: parse "http://a b/": invalid character " " in host name'],
    ['http://x/%zz', undefined, 'create request: parse "http://x/%zz": invalid URL escape "%zz"'],
    ['http://x/\n', undefined, 'create request: parse "http://x/\\n": net/url: invalid control character in URL'],
  ])('%j, %j', async (url, options, message) => {
    expect(await here().failure(url, options)).toBe(message);
  });

  test('null is as good as nothing', async () => {
    const nothing = { method: null, headers: { a: null }, body: null, insecure: null };
    expect(await here().get(`${server.url}/echo`, nothing)).toMatchObject({ status: 200 });
  });
});

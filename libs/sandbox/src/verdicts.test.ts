import { admissionReview, pod } from '@jspolicy/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { type Isolation, type RunOptions, TestPool } from './pool-for-test.test-part.ts';

const pool = new TestPool();
afterAll(() => pool.sandbox.stop());

const deny = (message: string, more: object = {}) => ({ deny: true, message, warnings: [], ...more });
const allow = (...warnings: string[]) => ({ deny: false, warnings });

const verdicts: [string, object][] = [
  ['', allow()],
  ['allow(); deny("not reached")', allow()],
  ['exit(); deny("not reached")', allow()],
  ['deny("a", "BadRequest", 400)', deny('a', { reason: 'BadRequest', code: 400 })],
  ['deny("first"); deny("second")', deny('first')],
  ['try { deny("kept") } catch { allow() }', deny('kept')],
  ['try { allow() } finally { deny("late") }', allow()],
  ['[1, 2].forEach(x => deny("item " + x))', deny('item 1')],
  ['deny(new String("boxed"))', deny('boxed')],
  ['warn("one"); warn("two")', allow('one', 'two')],
  ['warn("one"); deny("no")', { deny: true, message: 'no', warnings: ['one'] }],
  ['warn()', allow('')],
  ['Promise.resolve().then(() => deny("late"))', deny('late')],
  ['(async () => { for (let i = 0; i < 5; i++) await i; deny("awaited") })()', deny('awaited')],
  ['Promise.reject(new Error("lost"))', allow()],
  ['x = 1; deny("x is " + x)', deny('x is 1')],
  ['const deny = m => warn("own " + m); deny("x")', allow('own x')],
  ['const request = {a: 1}; warn(JSON.stringify(request))', allow('{"a":1}')],
  ['__response = null', allow()],
  ['__response = {deny: true, message: "replaced", code: 409}', deny('replaced', { code: 409 })],
  ['warn(request.object.metadata.labels.app + String(request.oldObject))', allow('webnull')],
  ['warn([typeof exports, typeof create, __policy].join())', allow('object,function,p.test.example')],
  ['warn(JSON.stringify([btoa("hé"), atob("aGVsbG8="), String(atob("%%"))]))', allow('["aMOp","hello","undefined"]')],
  ['console.log("x"); warn("ok")', allow('ok')],
  ['requeue("later")', { deny: false, message: 'later', warnings: [], requeue: { message: 'later' } }],
];

const failures: [string, RegExp][] = [
  ['throw new Error("boom")', /^Uncaught Error: boom\n {4}at p\.test\.example:1:\d+$/],
  ['throw "text"', /^text$/],
  ['throw undefined', /^undefined$/],
  ['request.object.spec.missing.deep', /^Uncaught TypeError: Cannot read properties of undefined/],
  ['undefinedFunction("x")', /^Uncaught ReferenceError: undefinedFunction is not defined/],
  ['deny(42)', /^Uncaught TypeError: deny\(message, reason, code\): message must be a string, not a number/],
  ['deny("m", "r", 403.5)', /code must be a whole number of 64 bits, not 403\.5/],
  ['warn({a: 1})', /^Uncaught TypeError: warn\(message\): message must be a string, not a object/],
  ['__response.deny = "yes"', /__response\.deny must be a boolean/],
  ['__response = undefined', /__response must be an object/],
  ['const o = {}; o.o = o; print(o)', /^Uncaught TypeError: Converting circular structure to JSON/],
];

test('the review tells marks of the object: its uid, and labels as Kubernetes knows them', async () => {
  const told = pod({ name: 'web', labels: { team: 'shop', long: 'x'.repeat(64), ['key'.repeat(200)]: 'x' } });
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label${index}`, 'x']));
  const reviewOf = (metadata: object, fields: object = {}) => ({
    review: admissionReview({ object: { ...told, metadata: { ...told.metadata, ...metadata } }, ...fields }),
  });
  const marks = async (options: RunOptions) => {
    const result = await pool.run('request.object.metadata.labels.team = "changed"', options);
    return 'review' in result ? result.review : undefined;
  };
  const object = { uid: 'o-1', labels: { team: 'shop' } };
  expect(await marks(reviewOf({ uid: 'o-1' }, { subResource: 'log' }))).toMatchObject({ object, subResource: 'log' });
  expect(await marks(reviewOf({ uid: 'o-1' }, { operation: 'DELETE' }))).toMatchObject({ object });
  expect(Object.keys((await marks(reviewOf({ labels: many })))?.object?.labels ?? {})).toHaveLength(64);
  expect(await marks(reviewOf({ uid: 'x'.repeat(200), labels: ['a'] }))).not.toHaveProperty('object');
  expect(await marks(reviewOf({ uid: 7, labels: { a: {} } }))).not.toHaveProperty('object');
});

test('a value that the host has as text', async () => {
  const told = await pool.run('warn(JSON.stringify(get("as text")))', { hostCalls: ['get'] });
  expect(told).toMatchObject({ verdict: { warnings: ['{"é":[1,"__proto__"]}'] } });
});

test('a value that would not fit is an error that the policy can catch', async () => {
  const code = 'try { get("too large") } catch (error) { warn(String(error)) }';
  expect(await pool.run(code, { hostCalls: ['get'] })).toMatchObject({
    verdict: {
      warnings: ['TooLarge: get() gives 46137344 bytes, more than the 44739242 that a policy can take'],
    },
  });
});

describe.each<Isolation>(['kept', 'request'])('in a context of isolation %s', (isolation) => {
  test.each(verdicts)('%s', async (code, verdict) => {
    const result = await pool.run(code, { isolation });
    const told = result.kind === 'verdict' ? { ...result.verdict } : result;
    if ('code' in told && told.code === 0) delete told.code;
    expect(told).toEqual(verdict);
  });

  test.each(failures)('%s fails', async (code, message) => {
    const result = await pool.run(code, { isolation });
    expect(result).toMatchObject({ kind: 'failed', failure: { cause: 'exception' }, review: { uid: 'u-1' } });
    expect(await pool.message(code, { isolation })).toMatch(message);
  });

  test('mutate() gives a patch, in a Mutating policy alone', async () => {
    const code = 'request.object.metadata.labels.x = "y"; mutate(request.object)';
    const mutating = await pool.run(code, { isolation, type: 'Mutating' });
    expect(mutating).toMatchObject({ verdict: { patch: [{ op: 'add', path: '/metadata/labels/x', value: 'y' }] } });
    const validating = await pool.run(code, { isolation });
    expect(validating).toMatchObject({ kind: 'verdict', verdict: { deny: false } });
    expect(validating).not.toHaveProperty('verdict.patch');
  });

  test.each([
    ['', ''],
    ['globalThis.lib = 1;\n', '; var exports = {}; const a = 1; '],
  ])('places are the author’s, behind the prelude %j and the head %j', async (prelude, head) => {
    const options = { isolation, prelude, head };
    const first = 'const f = () => new Error("x"); deny(f().stack)';
    expect(await pool.message(first, options)).toMatch(
      /^Error: x\n {4}at f \(p\.test\.example:1:17\)\n {4}at p\.test\.example:1:38$/,
    );
    const second = 'const f = () => new Error("x");\n  warn(f().stack)';
    expect(await pool.run(second, options)).toMatchObject({
      verdict: { warnings: ['Error: x\n    at f (p.test.example:1:17)\n    at p.test.example:2:8'] },
    });
    expect(await pool.message('null.x', options)).toMatch(/\n {4}at p\.test\.example:1:6$/);
  });

  test('print() joins its values', async () => {
    pool.prints.length = 0;
    await pool.run('print("a", 1, {b: [1, null]}, null, true)', { isolation });
    expect(pool.prints).toEqual(['a 1 {"b":[1,null]} null true']);
  });

  test('host calls get their arguments and give their value, declared or not', async () => {
    const seen = 'allowed'.replace('allowed', '{"name":"get","args":["Pod","v1","a"]}');
    const code = 'deny(JSON.stringify(get("Pod", "v1", "a")))';
    expect(await pool.message(code, { isolation, hostCalls: ['get'] })).toBe(seen);
    expect(await pool.message(code.replace('get(', 'globalThis["ge" + "t"]('), { isolation })).toBe(seen);
  });

  test('a prelude is evaluated before the policy', async () => {
    const prelude = 'globalThis.lib = {double: x => x * 2};\n';
    expect(await pool.message('deny(String(lib.double(21)))', { isolation, prelude })).toBe('42');
  });
});

test('a script of a user is evaluated as a script', async () => {
  const options = { isolation: 'request', form: 'script' } as const;
  expect(await pool.message('deny("script")', options)).toBe('script');
  expect(await pool.message('const deny = 1', options)).toMatch(/^Uncaught SyntaxError/);
  expect(await pool.message('if (', options)).toMatch(/^Uncaught SyntaxError/);
  expect(await pool.message('throw new Error("x")', options)).toMatch(/^Uncaught Error: x/);
});

test.each([['null'], ['[]'], [{ kind: 'Pod' }], [{ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v9' }]])(
  '%j is no review',
  async (review) => {
    expect(await pool.run('deny("reached")', { review })).toMatchObject({ kind: 'malformed' });
  },
);

test.each(['kept', 'request'] as const)(
  'fetchSync gives a response, and throws texts, isolation %s',
  async (isolation) => {
    const hostCalls = ['fetchSync'];
    const shown =
      'const r = fetchSync("x", {body: "[1]"}); deny(JSON.stringify([Object.keys(r), r.text(), r.json(), r.headers.A]))';
    expect(await pool.message(shown, { isolation, hostCalls })).toBe(
      '[["text","json","headers","status","statusText","ok"],"[1]",[1],"b"]',
    );
    const empty = 'const r = fetchSync("x"); try { r.json() } catch (e) { deny(typeof r.text() + " " + e) }';
    expect(await pool.message(empty, { isolation, hostCalls })).toBe(
      'undefined SyntaxError: "undefined" is not valid JSON',
    );
    const caught = 'try { fetchSync("refused") } catch (e) { deny(typeof e + " " + e) }';
    expect(await pool.message(caught, { isolation, hostCalls })).toBe('string fetchSync: Get "refused": no');
    expect(await pool.message('fetchSync("refused")', { isolation, hostCalls })).toBe('fetchSync: Get "refused": no');
  },
);

test('what a policy writes is told from nothing', async () => {
  const code = 'deny(JSON.stringify([remove(), remove(() => 1), remove(null), remove({a: 1}, 2)].map((r) => r.args)))';
  expect(await pool.message(code, { hostCalls: ['remove'] })).toBe('[[],[],[null],[{"a":1}]]');
});

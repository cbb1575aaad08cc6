import { afterAll, describe, expect, test } from 'vitest';
import { type Isolation, TestPool } from './pool-for-test.test-part.ts';

const pool = new TestPool();
afterAll(() => pool.sandbox.stop());

const HOST_CALLS = ['get', 'list', 'remove', 'fetchSync', 'sleep', 'env', 'readFileSync'];
/** Gives what a call gives, or what it throws, as a text that tells the types apart. */
const TELL = `const tell = (f) => { try { const v = f(); return v === undefined ? "undefined" : JSON.stringify(v) } catch (e) {
  return "thrown " + (e instanceof Error ? e.name + ": " + e.message.split("\\n")[0] : e) } };
`;
const NAMES = "thrown UnmarshalOptions: invalid character 'u' looking for beginning of value";
const asked = (name: string, ...args: unknown[]) => JSON.stringify({ name, args });

/** What is a string, a number or an object there: primitives alone are the first two, whatever JSON makes of others. */
const CALLS: [string, string][] = [
  ['get("Pod", "v1", "a")', asked('get', 'Pod', 'v1', 'a')],
  ['get("Pod", "v1", "a", undefined)', asked('get', 'Pod', 'v1', 'a')],
  ['get("Pod", "v1", "a", null)', asked('get', 'Pod', 'v1', 'a', null)],
  ['get("Pod", "v1", "a", {cache: undefined})', asked('get', 'Pod', 'v1', 'a', {})],
  ['get("Pod", "v1", "a", {toJSON: () => ({cache: false})})', asked('get', 'Pod', 'v1', 'a', { cache: false })],
  ['get("Pod", "v1", "a", {get cache() { return false }})', asked('get', 'Pod', 'v1', 'a', { cache: false })],
  ['get("Pod", "v1", "a", Object.create({cache: "smart"}))', asked('get', 'Pod', 'v1', 'a', { cache: 'smart' })],
  ['get("Pod", "v1", "a", () => 1)', NAMES],
  ['get("Pod", "v1", "a", Symbol("x"))', NAMES],
  ['get("Pod", "v1", "a", {x: 5n})', 'thrown TypeError: Do not know how to serialize a BigInt'],
  ['get("Pod", "v1", "a", 5n)', 'thrown TypeError: Do not know how to serialize a BigInt'],
  [
    'get("Pod", "v1", "a", (() => { const o = {}; return o.o = o })())',
    'thrown TypeError: Converting circular structure to JSON',
  ],
  ['get("Pod", "v1", "a", {}, (() => { const o = {}; return o.o = o })())', asked('get', 'Pod', 'v1', 'a', {})],
  ['get(new String("Pod"), "v1", "a")', asked('get', null, 'v1', 'a')],
  ['get({toJSON: () => "Pod"}, "v1", "a")', asked('get', null, 'v1', 'a')],
  ['get((() => { const o = {}; return o.o = o })(), "v1", "a")', asked('get', null, 'v1', 'a')],
  ['get(5n, Symbol("x"), () => 1)', asked('get', null, null, null)],
  ['get("Pod", "v1", 5n, {x: 5n})', asked('get', 'Pod', 'v1', null)],
  ['get()', asked('get', null, null, null)],
  ['fetchSync(new String("http://a"))', 'thrown fetchSync: url is not a string'],
  ['fetchSync({toString: () => "http://a"})', 'thrown fetchSync: url is not a string'],
  ['fetchSync(5n)', 'thrown fetchSync: url is not a string'],
  ['fetchSync("http://a", () => 1)', `thrown fetchSync: error unmarshalling options: ${NAMES.slice(25)}`],
  ['fetchSync("http://a", {body: 5n})', 'thrown TypeError: Do not know how to serialize a BigInt'],
  ['fetchSync("http://a", {toJSON: () => ({body: "b"})}).text()', '"b"'],
  ['remove(5n)', 'thrown TypeError: Do not know how to serialize a BigInt'],
  ['remove({toJSON: () => ({a: 1})})', asked('remove', { a: 1 })],
  [
    'remove({get a() { return 1 }, b: undefined, c: () => 1, d: Symbol("x"), e: NaN})',
    asked('remove', { a: 1, e: null }),
  ],
  ['remove({get a() { throw new Error("from a getter") }})', 'thrown Error: from a getter'],
  ['remove(new Map([["a", 1]]))', asked('remove', {})],
  ['remove(new Date(0))', asked('remove', '1970-01-01T00:00:00.000Z')],
];

/** Nothing is asked for these. */
const UNDEFINED = [
  ...['env', 'readFileSync', 'sleep', 'atob', 'btoa'].flatMap((name) => [
    `${name}()`,
    `${name}(undefined)`,
    `${name}(null)`,
    `${name}(5n)`,
    `${name}(Symbol("x"))`,
    `${name}({toJSON: () => "x"})`,
    `${name}((() => { const o = {}; return o.o = o })())`,
    `${name}(["x"])`,
    `${name}("x", "y")`,
    `${name}("x", undefined)`,
    `${name}(1, undefined)`,
    `${name}(true)`,
  ]),
  'env(new String("x"))',
  'readFileSync(new String("x"))',
  'sleep(new Number(1))',
  'sleep("1")',
  'env(1)',
  'readFileSync(1)',
  'btoa(new String("x"))',
  'atob(new String("YQ=="))',
];

describe.each<Isolation>(['kept', 'request'])('in a context of isolation %s', (isolation) => {
  test.each(CALLS)('%s', async (code, told) => {
    expect(await pool.message(`${TELL}deny(tell(() => ${code}))`, { isolation, hostCalls: HOST_CALLS })).toBe(told);
  });

  test('what jsPolicy does not look at gives undefined, and asks nobody', async () => {
    const before = pool.calls.length;
    const all = UNDEFINED.map((code) => `tell(() => ${code})`).join(', ');
    const message = await pool.message(`${TELL}deny([${all}].join())`, { isolation, hostCalls: HOST_CALLS });
    expect(message).toBe(UNDEFINED.map(() => 'undefined').join());
    expect(pool.calls).toHaveLength(before);
  });

  test.each([
    ['deny("m", "r", new Number(404))', { deny: true, message: 'm', reason: 'r', code: 404 }],
    ['deny({toJSON: () => "m"})', { deny: true, message: 'm' }],
    ['deny("m", "r", NaN)', { deny: true, message: 'm', reason: 'r' }],
    ['deny("", "", 0)', { deny: true, code: 0 }],
    ['warn(""); warn(new String("boxed")); warn(() => 1)', { warnings: ['', 'boxed', ''] }],
    ['requeue()', { requeue: {} }],
    ['requeue("")', { requeue: {} }],
    ['requeue("why", "more")', { requeue: { message: 'why' } }],
    ['__response.reschedule = true', { requeue: {} }],
    ['__response = Object.create({deny: true})', { deny: false }],
    ['delete __response.deny; Object.prototype.deny = true', { deny: false }],
    ['__response = {deny: true, code: 409, warnings: ["w"], other: 1}', { deny: true, code: 409, warnings: ['w'] }],
    ['delete globalThis.__response; warn("w")', { warnings: ['w'] }],
    ['allow("ignored", 1)', { deny: false }],
    ['mutate()', { deny: false }],
    ['mutate(undefined); deny("late")', { deny: false }],
    ['mutate(Symbol("x"))', { deny: false }],
  ])('%s', async (code, verdict) => {
    expect(await pool.run(code, { isolation })).toMatchObject({ kind: 'verdict', verdict });
  });

  test.each([
    ['deny("m", "r", new Number(4.5))', 'code must be a whole number of 64 bits, not 4.5'],
    ['deny("m", "r", new String("403"))', 'code must be a number, not a object'],
    ['deny("m", "r", 1e21)', 'code must be a whole number of 64 bits, not 1e+21'],
    ['deny("m", "r", -1e19)', 'code must be a whole number of 64 bits'],
    ['deny("m", "r", true)', 'code must be a number, not a boolean'],
    ['deny("m", "r", 5n)', 'code must be a number, not a bigint'],
    ['deny("m", 42)', 'reason must be a string, not a number'],
    ['deny("m", ["r"])', 'reason must be a string, not a list'],
    ['warn(["a"])', 'message must be a string, not a list'],
    ['warn(5n)', 'message must be a string, not a bigint'],
    ['requeue({})', 'message must be a string, not a object'],
    ['mutate("text")', 'object must be an object, not a string'],
    ['mutate([])', 'object must be an object, not a list'],
    ['mutate(5n)', 'object must be an object, not a bigint'],
    ['mutate(new Date(0))', 'object must be an object'],
    ['mutate(new String("x"))', 'object must be an object'],
  ])('%s fails, also when it is caught', async (code, text) => {
    expect(await pool.message(code, { isolation })).toContain(text);
    expect(await pool.message(`try { ${code} } catch {} deny("other")`, { isolation })).toContain(text);
  });

  test.each([
    '[]',
    '5',
    '"text"',
    'true',
    '{warnings: "w"}',
    '{warnings: [1]}',
    '{deny: 1}',
    '{message: 1}',
    '{code: "1"}',
  ])('a response that is %s fails the policy', async (response) => {
    const result = await pool.run(`__response = ${response}`, { isolation });
    expect(result).toMatchObject({ kind: 'failed', failure: { message: expect.stringMatching(/^__response/) } });
  });

  test('print() takes everything', async () => {
    pool.prints.length = 0;
    const code = `print(); print(""); print(undefined, null, () => 1, Symbol("x")); print(new String("s"), new Date(0));
      print({toJSON: () => "j"}, {get a() { return 1 }}, [undefined], NaN, -0, 1e21); print("a\\u0000b")`;
    expect(await pool.message(code, { isolation })).toBe('allowed');
    expect(pool.prints).toEqual([
      '',
      '',
      'undefined null undefined undefined',
      '"s" "1970-01-01T00:00:00.000Z"',
      '"j" {"a":1} [null] null 0 1e+21',
      'a\u0000b',
    ]);
    expect(await pool.message('print({toJSON() { throw new Error("from toJSON") }})', { isolation })).toMatch(
      /^Uncaught Error: from toJSON/,
    );
    expect(await pool.message('print(5n)', { isolation })).toMatch(/^Uncaught TypeError: Do not know how to serialize/);
  });
});

test.each(['print', 'sleep', 'atob', 'btoa', 'env', 'readFileSync'])(
  'a script of a user may declare %s, and has it for itself',
  async (name) => {
    const options = { isolation: 'request', form: 'script' } as const;
    for (const kind of ['const', 'let', 'var']) {
      expect(await pool.message(`${kind} ${name} = (x) => x + "!"; deny(${name}("own"))`, options)).toBe('own!');
    }
    expect(await pool.message(`function ${name}(x) { return x + "?" } deny(${name}("own"))`, options)).toBe('own?');
    expect(await pool.message(`deny(typeof ${name})`, options)).toBe('function');
  },
);

test.each([
  'deny',
  'allow',
  'exit',
  'warn',
  'mutate',
  'requeue',
  'get',
  'list',
  'create',
  'update',
  'remove',
  'fetchSync',
])('a script of a user may not declare const %s', async (name) => {
  const options = { isolation: 'request', form: 'script' } as const;
  expect(await pool.message(`const ${name} = 1`, options)).toBe(
    `Uncaught SyntaxError: Identifier '${name}' has already been declared`,
  );
});

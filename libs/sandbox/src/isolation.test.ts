import { admissionReview, pod, waitFor } from '@jspolicy/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { bundleOf, type Isolation, type RunOptions, TestPool } from './pool-for-test.test-part.ts';

// One process, so that all evaluations meet in the same isolate.
const pool = new TestPool({ processes: 1, maxProcesses: 1 });
afterAll(() => pool.sandbox.stop());

/** Each leaves something behind where nothing hinders it, and tells what it found of the time before. */
const leaks = [
  'const seen = typeof leaked; leaked = 1; deny(seen)',
  'const seen = typeof globalThis.leaked2; globalThis.leaked2 = 1; deny(seen)',
  'const seen = typeof [].evil; try { Array.prototype.evil = 1 } catch {} deny(seen)',
  'const seen = typeof ({}).polluted; try { Object.prototype.polluted = 1 } catch {} deny(seen)',
  'const seen = typeof JSON.evil; try { JSON.evil = 1; JSON.parse = () => 1 } catch {} deny(seen)',
  'const seen = typeof deny.evil; try { deny.evil = 1 } catch {} deny(seen)',
  'const seen = typeof Object.getPrototypeOf(globalThis).evil; try { Object.getPrototypeOf(globalThis).evil = 1 } catch {} deny(seen)',
  'const seen = typeof Math.evil; try { Object.defineProperty(Math, "evil", {value: 1}) } catch {} deny(seen)',
  'const seen = typeof print.evil; Object.assign = 1; try { print.evil = 1 } catch {} deny(seen)',
  'const seen = typeof exports.evil; exports.evil = 1; deny(seen)',
  'const seen = typeof request.evil; request.evil = 1; deny(seen)',
  'const seen = typeof (function* () {}).constructor.prototype.evil; try { (function* () {}).constructor.prototype.evil = 1 } catch {} deny(seen)',
  'const f = x => x`a`; const seen = typeof f(t => t).evil; try { f(t => t).evil = 1 } catch {} deny(seen)',
  'const seen = /x/.exec("x") && RegExp.$1 === "secret" ? "leak" : "undefined"; /(secret)/.exec("secret"); deny(seen)',
];

describe.each<Isolation>(['kept', 'request'])('in a context of isolation %s', (isolation) => {
  test.each(leaks)('%s', async (code) => {
    expect(await pool.message(code, { isolation })).toBe('undefined');
    expect(await pool.message(code, { isolation })).toBe('undefined');
  });

  test('the host is out of reach', async () => {
    const walks = [
      'this.constructor.constructor("return typeof process")()',
      'get.constructor("return typeof process + typeof require")()',
      'deny.constructor.constructor("return typeof process")()',
      'typeof process + typeof require + typeof global',
      'Object.getPrototypeOf(get).constructor("return typeof process")()',
      '(() => { try { null.x } catch (e) { return e.constructor.constructor("return typeof process")() } })()',
      'typeof SharedArrayBuffer + typeof Atomics + typeof WebAssembly',
    ];
    for (const walk of walks) expect(await pool.message(`deny(${walk})`, { isolation })).toMatch(/^(undefined)+$/);
  });

  test('a host function that was kept does nothing after the evaluation', async () => {
    const calls = pool.calls.length;
    const keep =
      'globalThis.kept = get; Promise.resolve().then(() => { later = () => kept("Pod", "v1", "x") }); allow()';
    await pool.run(keep, { isolation, hostCalls: ['get'] });
    expect(await pool.message('deny(typeof kept + typeof later)', { isolation })).toBe('undefinedundefined');
    expect(pool.calls.length).toBe(calls);
  });

  test('thousands of host calls in one evaluation, and then no more', async () => {
    const options = { isolation, hostCalls: ['get'] };
    const code = (count: number) => `for (let i = 0; i < ${count}; i++) get("Pod", "v1", "x"); deny("all")`;
    expect(await pool.message(code(2_000), options)).toBe('all');
    expect(await pool.message(code(10_001), options)).toContain('TooManyCalls');
  });
});

test('1,000 evaluations in turn of two policies see nothing of each other', async () => {
  const code = (own: string) => `const seen = typeof mark; mark = "${own}"; deny(seen + request.name)`;
  const seen = new Set<string>();
  for (let round = 0; round < 500; round++) {
    seen.add(await pool.message(code('a'), { policy: 'a.test.example' }));
    seen.add(await pool.message(code('b'), { policy: 'b.test.example' }));
  }
  expect([...seen]).toEqual(['undefinedweb']);
});

test('what a frozen intrinsic makes fail is evaluated fresh, and stays so', async () => {
  const code =
    '"use strict"; Array.prototype.last = function () { return this[this.length - 1] }; deny(String([1, 2].last()))';
  const strict = `(function () { ${code} })()`;
  expect(await pool.message(strict, { isolation: 'kept' })).toBe('2');
  expect(await pool.message(strict, { isolation: 'kept' })).toBe('2');
});

test('also when the policy had read through the host before it failed', async () => {
  const code = `(function () { "use strict"; const { name } = get("Pod", "v1", "x"); Math.extra = name; deny(Math.extra) })()`;
  for (const hostCalls of [['get'], []]) {
    expect(await pool.message(code, { isolation: 'kept', hostCalls })).toBe('get');
  }
});

test('a policy that may have written is not evaluated again', async () => {
  const before = pool.calls.length;
  const code = `(function () { "use strict"; try { update({}) } catch {} Math.extra = 1 })()`;
  expect(await pool.message(code, { isolation: 'kept', hostCalls: ['update'] })).toContain('object is not extensible');
  expect(pool.calls.slice(before)).toEqual(['update']);
});

test('programs may override what they inherit', async () => {
  const code = `
    class Mine extends Error { constructor(m) { super(m); this.name = "Mine"; this.message = "own " + m; } }
    const o = {}; o.toString = () => "o"; o.constructor = 1; o.hasOwnProperty = 2;
    function F() {} F.prototype.toString = () => "f"; F.prototype.constructor = F;
    deny([new Mine("x").message, new Mine("x").name, String(o), String(new F()), o.constructor].join())`;
  expect(await pool.message(code, { isolation: 'kept' })).toBe('own x,Mine,o,f,1');
});

const overrides = [
  'class S extends Array {} S.prototype.pop = function () { return "own" }; deny(new S().pop())',
  'const a = []; a.includes = () => "own"; deny(a.includes("x"))',
  'function L() {} L.prototype = Object.create([]); L.prototype.indexOf = () => "own"; deny(new L().indexOf())',
  'const d = new Date(0); d.getTime = () => "own"; deny(d.getTime())',
  'const m = new Map(); m.keys = () => "own"; deny(m.keys())',
  'const o = new String("a"); o.trim = () => "own"; deny(o.trim())',
  'const u = new Uint8Array(2); u.fill = () => "own"; deny(u.fill())',
  'class D extends Date {} D.now = () => "own"; deny(D.now())',
];
test.each(overrides)('what is overridden is overridden, kept or fresh: %s', async (code) => {
  expect(await pool.message(code, { isolation: 'kept' })).toBe('own');
  expect(await pool.message(code, { isolation: 'request' })).toBe('own');
});

test('the accessors of error.stack carry nothing to the next evaluation', async () => {
  const code = `const { get } = Object.getOwnPropertyDescriptor(new Error(), "stack");
    const seen = typeof get.mark; try { get.mark = 1 } catch {} deny(seen)`;
  expect(await pool.message(code)).toBe('undefined');
  expect(await pool.message(code)).toBe('undefined');
});

test('a bundle that is unloaded while its evaluation waits for the host is kept until the end', async () => {
  const code = 'sleep(200); deny("slept")';
  const calls = pool.calls.length;
  const judged = pool.message(code, { hostCalls: ['sleep'] });
  await waitFor(() => pool.calls.length > calls, { what: 'the policy to sleep' });
  pool.sandbox.unload(bundleOf(code, { hostCalls: ['sleep'] }).digest);
  expect(await judged).toBe('slept');
});

test('the global names', async () => {
  const names = await pool.message('deny(Object.getOwnPropertyNames(globalThis).sort().join(" "))', {
    isolation: 'request',
  });
  expect(names).toMatchInlineSnapshot(
    `"AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet __policy __response __throw allow atob btoa console create decodeURI decodeURIComponent deny encodeURI encodeURIComponent env escape eval exit exports fetchSync get globalThis isFinite isNaN list mutate parseFloat parseInt print readFileSync remove request requeue sleep undefined unescape update warn"`,
  );
});

const wired = [
  'deny(String(Function("return 1")()))',
  'const f = () => {}; deny(String(f["con" + "structor"]("return 2")()))',
  'let made; try { made = (function* () {})["construc" + "tor"]("yield 3")().next().value } catch {} deny(String(made))',
  'deny(typeof globalThis["Pro" + "mise"].resolve(4).then)',
  'deny(String(globalThis["ev" + "al"]("5")))',
];
test.each(wired)(
  'what leads to new code or to later jobs is evaluated fresh, whatever was decided: %s',
  async (code) => {
    const fresh = await pool.run(code, { isolation: 'request' });
    const own = new TestPool({ processes: 1 });
    expect(await own.run(code, { isolation: 'kept' })).toEqual(fresh);
    expect(await own.run(code, { isolation: 'kept' })).toEqual(fresh);
    await own.sandbox.stop();
  },
);

test('errors of kept code have a stack', async () => {
  const code = 'function f() {\n  return new Error("here").stack\n}\ndeny(f())';
  expect(await pool.message(code, { isolation: 'kept' })).toContain('at f (p.test.example:2:10)');
});

/** What a kept context would answer otherwise, if writes to something frozen were silent there. */
const doubtful = [
  'const l = [warn, deny]; l[0].level = "w"; l[1].level = "d"; for (const f of l) if (f.level === "d") f("x")',
  'const d = deny; d.note = "x"; if (d.note === "x") d("no")',
  'if (typeof WeakRef !== "undefined") deny("there")',
  'const o = Object.freeze({}); class W { static w(x) { x.toString = 1 } } try { W.w(o) } catch { deny("frozen") }',
  'const s = new Map(); s[Symbol.toStringTag] = "x"; if (String(s) === "[object Map]") deny("map")',
  'const o = {}["__pro" + "to__"]; o.polluted = 1; if (({}).polluted) deny("polluted")',
  'function memo(f) { f.memo = f.memo || "mine"; return f.memo } deny(memo(Array.isArray))',
  'undeclared = 1; deny(String(undeclared))',
  'deny(String(this === globalThis))',
];
test.each(doubtful)('is answered as in a fresh context: %s', async (code) => {
  const fresh = await pool.message(code, { isolation: 'request' });
  for (let i = 0; i < 2; i++) expect(await pool.message(code, { isolation: 'kept' })).toBe(fresh);
});

test('nothing that a policy can reach in a kept context takes a property', async () => {
  const code = `
    const seen = new Set(), open = [];
    const wired = ['constructor', 'Function', 'eval', 'Promise', 'WeakRef', 'FinalizationRegistry', 'Reflect', 'isFrozen',
      'isSealed', 'isExtensible', 'getOwnPropertyDescriptor', 'getOwnPropertyDescriptors', '__lookupGetter__', '__lookupSetter__'];
    const walk = (value, path) => {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
      seen.add(value);
      if (value !== globalThis && !probe.isFrozen(value)) open.push(path);
      walk(Object.getPrototypeOf(value), path + '.__proto__');
      for (const key of probe.Reflect.ownKeys(value)) {
        const d = probe.getOwnPropertyDescriptor(value, key);
        if (wired.includes(key)) continue;
        walk(d.get ? (() => { try { return d.get.call(value) } catch { return undefined } })() : d.value, path + '.' + String(key));
      }
    };
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (['request', 'exports', '__response', '__policy', 'globalThis', 'probe', ...wired].includes(name)) continue;
      walk(globalThis[name], name);
    }
    for (const name in probe) walk(probe[name], name);
    deny(open.join(' ') || 'nothing');`;
  // Read before they are wired: a policy that reads them is evaluated in a fresh context.
  const prelude =
    'var probe = { ...Object.getOwnPropertyDescriptors(Object), Reflect }; for (const k in probe) probe[k] = probe[k].value ?? probe[k];';
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  expect(await own.message(code, { isolation: 'kept', prelude })).toBe('nothing');
  await own.sandbox.stop();
});

test('who asks for fresh contexts gets them, also where the bundle may be kept', async () => {
  // Its own: a worn isolate is replaced, and a package begins anew then.
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  const options = { isolation: 'kept', prelude: 'var next = ((count) => () => ++count)(0);' } as const;
  const counts = async (fresh: boolean) => {
    const counted = [];
    for (let i = 0; i < 3; i++) counted.push(await own.message('deny(String(next()))', { ...options, fresh }));
    return counted.join();
  };
  // What a package holds for itself lives as long as its context.
  expect(await counts(false)).toBe('1,2,3');
  expect(await counts(true)).toBe('1,1,1');
  await own.sandbox.stop();
});

test('policies with the same code do not share what a package holds', async () => {
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  const options = { isolation: 'kept', prelude: 'var next = ((count) => () => ++count)(0);' } as const;
  const counts = async (policy: string) => own.message('deny(String(next()))', { ...options, policy });
  const seen = [];
  for (const policy of ['a.test.example', 'b.test.example', 'a.test.example', 'b.test.example'])
    seen.push(await counts(policy));
  expect(seen).toEqual(['1', '1', '2', '2']);
  await own.sandbox.stop();
});

test.each([
  ['a promise that no name of it leads to', '[]["construc" + "tor"]["from" + "Async"]([1]).then(() => { late = 1 })'],
  [
    'a stack of things to dispose of',
    'new globalThis["AsyncDisposable" + "Stack"]().disposeAsync().then(() => { late = 1 })',
  ],
])('%s leaves nothing behind', async (_what, code) => {
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  for (let i = 0; i < 3; i++)
    expect(await own.message(`const seen = typeof late; ${code}; deny(seen)`, { isolation: 'kept' })).toBe('undefined');
  await own.sandbox.stop();
});

describe('what a package gives away', () => {
  const prelude = `var pack = (() => {
    const list = ['a'], map = new Map([['a', 1]]), set = new Set();
    class Thing { constructor() { this.of = 'thing'; } static shared = { seen: 0 }; }
    return { get list() { return list; }, map, set, Thing, deep: { one: { two: [] } }, find: /a/g,
      date: new Date(5) };
  })();`;
  const changes = {
    'an array': 'pack.list.push(request.uid); deny(pack.list.length)',
    'a map': 'pack.map.set(request.uid, 1); deny(pack.map.size)',
    'a set': 'pack.set.add(request.uid); deny(pack.set.size)',
    'a class': 'deny(++pack.Thing.shared.seen)',
    'a prototype': 'pack.Thing.prototype.n = (pack.Thing.prototype.n ?? 0) + 1; deny(new pack.Thing().n)',
    'what is far below': 'pack.deep.one.two.push(1); deny(pack.deep.one.two.length)',
    'an expression that is made another one': 'const at = pack.find.source; pack.find.compile("b"); deny(at)',
    'a date': 'const at = pack.date.getTime(); pack.date.setTime(1); deny(at)',
    'a search that was begun': 'const at = pack.find.lastIndex; pack.find.test("aa"); deny(at)',
  };
  test.each(Object.entries(changes))('%s is the same in each evaluation', async (_, code) => {
    const text = code.replace(/deny\((.*)\)$/, 'deny(String($1))');
    const first = await pool.message(text, { isolation: 'kept', prelude });
    for (let i = 0; i < 3; i++) expect(await pool.message(text, { isolation: 'kept', prelude })).toBe(first);
  });

  test('is changed by a method as in a fresh context, also where the failure could be hidden', async () => {
    const code = 'try { pack.map.set("k", 1) } catch { deny("refused") } deny(String(pack.map.get("k")))';
    for (let i = 0; i < 2; i++) expect(await pool.message(code, { isolation: 'kept', prelude })).toBe('1');
  });

  const memory = 'var pack = ((bytes) => ({ bytes, each: (visit) => visit(bytes) }))(new Uint8Array([3]));';
  test.each([
    'pack.bytes.fill(7)',
    'pack.bytes.subarray(0)[0] = 7',
    'new DataView(pack.bytes.buffer).setInt8(0, 7)',
    'pack.each((bytes) => { bytes[0] = 7 })',
  ])('memory, which cannot be frozen, is another one in each evaluation: %s', async (change) => {
    const code = `const before = pack.bytes[0]; ${change}; deny(String(before + pack.bytes[0]))`;
    for (let i = 0; i < 3; i++) expect(await pool.message(code, { isolation: 'kept', prelude: memory })).toBe('10');
  });

  test('can be used as it is meant', async () => {
    const code = `const thing = new pack.Thing(); thing.own = 1;
      class More extends pack.Thing { toString() { return 'more' } }
      deny([thing.of, thing.own, new More(), 'aXa'.replace(pack.find, 'b'), pack.map.get('a'), ...pack.list].join())`;
    expect(await pool.message(code, { isolation: 'kept', prelude })).toBe('thing,1,more,bXb,1,a');
  });
});

describe('a run that is thrown away', () => {
  test('ends where it reads what needs a fresh context', async () => {
    // Nobody waits for what comes behind it there.
    const code = `const isKept = Object.getOwnPropertyDescriptor(globalThis, "Function").get !== undefined;
      Function; if (isKept) for (;;); deny("fresh")`;
    expect(await pool.message(code, { isolation: 'kept' })).toBe('fresh');
  });

  test('does not write first', async () => {
    const before = pool.calls.length;
    const code = `try { Promise } catch {} try { update({}) } catch (e) { deny(String(e)) }`;
    expect(await pool.message(code, { isolation: 'kept', hostCalls: ['update'] })).toBe('NotGranted: no');
    expect(pool.calls.slice(before)).toEqual(['update']);
  });

  test('stands when it has written', async () => {
    const before = pool.calls.length;
    const code = `try { update({}) } catch {} deny(typeof Promise)`;
    expect(await pool.message(code, { isolation: 'kept', hostCalls: ['update'] })).toBe('function');
    expect(pool.calls.slice(before)).toEqual(['update']);
  });
});

test('what showed that a policy needs fresh contexts is known after its process has ended', async () => {
  const code = 'if (request.operation === "DELETE") { typeof Promise; for (;;); } deny(String(++state.count))';
  const options = { isolation: 'kept', prelude: 'var state = { count: 0 };' } as const;
  const review = admissionReview({ object: pod(), operation: 'DELETE' });
  await untilItCameSoFar(async (own, limitMs) => {
    expect(await own.message(code, { ...options, review, limitMs })).toContain('timed out');
    const counted: string[] = [];
    for (let i = 0; i < 3; i++) counted.push(await own.message(code, options));
    return counted.join() === '1,1,1';
  });
});

test('a policy that tries until the host answers is judged from its second review on', async () => {
  const code = 'let o; while (!o) { try { o = this["g" + "et"]("Pod", "v1", "x") } catch {} } deny(o.name)';
  await untilItCameSoFar(async (own, limitMs) => {
    expect(await own.message(code, { limitMs })).toContain('timed out');
    return (await own.message(code, { limitMs })) === 'get';
  });
});

/** A policy is cut off in the middle: where a slow machine had not brought it there, again in another pool with more time. */
async function untilItCameSoFar(attempt: (own: TestPool, limitMs: number) => Promise<boolean>): Promise<void> {
  let limitMs = 500;
  const once = async () => {
    limitMs *= 2;
    const own = new TestPool({ processes: 1, maxProcesses: 1 });
    return attempt(own, limitMs).finally(() => own.sandbox.stop());
  };
  await waitFor(once, { what: 'a policy that is cut off where it is meant to be' });
}

describe('a policy that fails late', () => {
  /** Asks the host once in each evaluation, then works for so long and throws. */
  const failing = (workMs: number) =>
    `get("Pod", "v1", "x"); const end = Date.now() + ${workMs}; while (Date.now() < end); throw new Error("late")`;
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  afterAll(() => own.sandbox.stop());
  const told = async (code: string, options: RunOptions) => {
    const before = own.calls.length;
    const message = await own.message(code, { hostCalls: ['get'], ...options });
    return { says: message.split('\n', 1)[0], times: own.calls.length - before };
  };

  /** On a machine that has too little time for it, again with all times longer; another one is another policy. */
  async function inTime<T>(attempt: (times: number) => Promise<T>, isCutOff: (result: T) => boolean): Promise<T> {
    for (let times = 1; ; times *= 2) {
      const result = await attempt(times);
      if (times >= 16 || !isCutOff(result)) return result;
    }
  }
  const saysTimedOut = ({ says }: { says: string | undefined }) => says?.includes('timed out') ?? false;

  test('too late to be evaluated anew: its failure is told, and it is evaluated once', async () => {
    const twice = async (times: number) => {
      const [code, limitMs] = [failing(2_600 * times), 5_000 * times];
      return [await told(code, { limitMs }), await told(code, { limitMs })];
    };
    const once = { says: 'Uncaught Error: late', times: 1 };
    expect(await inTime(twice, (both) => both.some(saysTimedOut))).toEqual([once, once]);
  });

  test('it has its whole limit again, where the deadline is longer', async () => {
    const longer = (times: number) =>
      told(failing(2_601 * times), { limitMs: 5_000 * times, deadlineMs: 30_000 * times });
    expect(await inTime(longer, saysTimedOut)).toEqual({ says: 'Uncaught Error: late', times: 2 });
  });

  test('what a fresh context would take longer for is told as it failed in the kept one', async () => {
    const code = 'if (request.operation === "DELETE") throw new Error("early")';
    const review = admissionReview({ object: pod(), operation: 'DELETE' });
    const early = async (attempt: number) => {
      // A package's own text runs once for a kept context, which may take 5 s, and each time for fresh ones.
      const prelude = `var end = Date.now() + 4_000; while (Date.now() < end); // ${attempt}`;
      expect(await own.message(code, { prelude })).toBe('allowed');
      return own.message(code, { prelude, review, limitMs: 3_500 });
    };
    expect(await inTime(early, (message) => message.includes('timed out'))).toContain('Uncaught Error: early');
  });
});

test('each run of an evaluation has its own host calls', async () => {
  const own = new TestPool({ processes: 1, maxProcesses: 1 });
  const code =
    'for (let i = 0; i < 6_000; i++) get("Pod", "v1", "x"); (function () { "use strict"; Math.extra = 1; deny(String(Math.extra)) })()';
  expect(await own.message(code, { hostCalls: ['get'] })).toBe('1');
  expect(own.calls.length).toBe(12_000);
  await own.sandbox.stop();
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code of policies stands in plain strings.
import type { PolicyCase } from './kept-and-fresh-policies.ts';

/** Ways to a built-in object, written to there: `way` is an expression for one, the policy tells whether it kept the write. */
const WAYS: readonly [what: string, way: string][] = [
  ['a method', '[].map'],
  ['a method by brackets', '[]["map"]'],
  ['a method of a text', '"".trim'],
  ['a method of a number', '(1).toFixed'],
  ['a method of a function', '(() => {}).call'],
  ['a method of the request', 'request.object.toString'],
  ['a method of a regular expression', '/a/.exec'],
  ['a function of Object', 'Object.keys'],
  ['a function of the engine', 'deny'],
  ['a class', 'Array'],
  ['constructor', '[].constructor'],
  ['constructor in parts', '[]["con" + "structor"]'],
  ['constructor of data', 'request.object["constructor"]'],
  ['constructor by a template', '[][`constr${"uctor"}`]'],
  ['constructor by a list', '[][["constructor"]]'],
  ['constructor by join', '[][["con", "structor"].join("")]'],
  ['constructor by a label', '({})[Object.keys(request.object.metadata.labels)[1]]'],
  ['a prototype', 'Array.prototype'],
  ['a prototype in brackets', 'Array["proto" + "type"]'],
  ['__proto__', '[].__proto__'],
  ['__proto__ at run time', '[]["__pro" + String("to__")]'],
  ['a conditional', '(request.name ? [].map : null)'],
  ['a sequence', '(0, [].map)'],
  ['an assignment', '(t = [].map)'],
  ['Object.assign', 'Object.assign([].map)'],
  ['Object()', 'Object([].map)'],
  ['a list', '[[].map][0]'],
  ['a literal', '({ a: [].map }).a'],
  ['a function', '(() => [].map)()'],
  ['an argument', '((a) => a)([].map)'],
  ['a map', 'new Map([["a", [].map]]).get("a")'],
  ['a concatenation', '[].concat([].map)[0]'],
  ['a generator', '[...(function* () { yield [].map })()][0]'],
  ['values', 'Object.values({ a: [].map })[0]'],
  ['a reduce', '["map"].reduce((o, k) => o[k], [])'],
  ['a default', '((a = [].map) => a)()'],
  ['a rest', '((...a) => a[0])([].map)'],
  ['arguments', '(function () { return arguments[0] })([].map)'],
  ['a tag', '((s, a) => a)`${[].map}`'],
  ['a getter', '({ get a() { return [].map } }).a'],
  ['a class field', '(class { static a = [].map }).a'],
  ['a super class', '(class extends Array { static p() { return super.from } }).p()'],
  ['a constructor that returns', 'new (class { constructor() { return [].map } })()'],
  ['new.target', '(() => { class A { static f = new.target ?? [].map } return A.f })()'],
  ['instance of a species', '[].map.bind'],
];

const WRITES: readonly [what: string, write: (way: string) => string][] = [
  ['assigned', (way) => `const x = ${way}; x.mark = 1; warn(String(x.mark));`],
  ['assigned at once', (way) => `(${way}).mark = 1; warn(String((${way}).mark));`],
  ['by a parameter', (way) => `function f(x) { x.mark = 1; return x.mark } warn(String(f(${way})));`],
  ['by a callback', (way) => `[${way}].forEach((x) => { x.mark = 1; warn(String(x.mark)) });`],
  ['by a loop', (way) => `for (const x of [${way}]) { x.mark = 1; warn(String(x.mark)) }`],
  ['by destructuring', (way) => `const [x] = [${way}]; ({ a: x.mark } = { a: 1 }); warn(String(x.mark));`],
  ['by a property', (way) => `const o = {}; o.x = ${way}; o.x.mark ??= 1; warn(String(o.x.mark));`],
  ['by a throw', (way) => `try { throw ${way} } catch (x) { x.mark = 1; warn(String(x.mark)) }`],
  ['by a closure', (way) => `let x; const set = () => { x = ${way} }; set(); x.mark = 1; warn(String(x.mark));`],
  [
    'by assign',
    (way) => `const x = ${way}; try { Object.assign(x, { mark: 1 }) } catch { warn("caught") } warn(String(x.mark));`,
  ],
  [
    'by define',
    (way) =>
      `const x = ${way}; try { Object.defineProperty(x, "mark", { value: 1 }) } catch { warn("caught") } warn(String(x.mark));`,
  ],
  ['by a computed name', (way) => `const x = ${way}; const k = request.name; x[k] = 1; warn(String(x[k]));`],
  ['by delete', (way) => `const x = ${way}; delete x.name; warn(String(x.name));`],
  ['asked', (way) => `const x = ${way}; warn(String(Object.isFrozen(x)));`],
];

const written: PolicyCase[] = WRITES.flatMap(([write, code]) =>
  WAYS.map(([what, way]) => ({ what: `${what}, ${write}`, source: code(way) })),
);

const policy = (what: string, source: string): PolicyCase => ({ what, source });

export const HOSTILE_POLICIES: readonly PolicyCase[] = [
  ...written,
  policy('a constant name', 'const k = "constructor"; const x = {}; x[k].mark = 1; warn(String(x[k].mark));'),
  policy('destructured prototype', 'const { prototype: P } = Array; P.mark = 1; warn(String([].mark));'),
  policy('destructured method', 'const { map: m } = []; m.mark = 1; warn(String(m.mark));'),
  policy(
    'destructured by a computed name',
    'const k = request.name + "x"; const { [k]: m = [].map } = []; m.mark = 1; warn(String(m.mark));',
  ),
  policy('this of a sloppy function', 'function f() { this.mark = 1; return typeof mark } warn(f());'),
  policy('spread of a class', 'const o = { ...Array }; o.mark = 1; warn(String(o.mark));'),
  policy('iterator of a list', 'const a = [1]; a[Symbol.iterator] = function* () { yield 9 }; warn([...a].join());'),
  policy(
    'iterator by a name',
    'const s = Symbol.iterator; const a = [1]; a[s] = function* () { yield 9 }; warn([...a].join());',
  ),
  policy('next of an iterator', 'const it = [1].values(); it.next = () => ({ done: true }); warn([...it].join());'),
  policy(
    'next by a computed name',
    'const it = [1].values(); const k = ["ne", "xt"].join(""); it[k] = () => ({ done: true }); warn([...it].join());',
  ),
  policy(
    'exec by a computed name',
    'const r = /a/; const k = ["ex", "ec"].join(""); r[k] = () => null; warn(String(r.test("a")));',
  ),
  policy(
    'exec by a constant name',
    'const r = /a/; const k = "ex" + "ec"; r[k] = () => null; warn(String(r.test("a")));',
  ),
  policy(
    'exec by a parameter',
    'const set = (r, k) => { r[k] = () => null }; const r = /a/; set(r, ["ex", "ec"].join("")); warn(String(r.test("a")));',
  ),
  policy(
    'next of a generator',
    'function* g() { yield 1 } const it = g(); const k = "nextx".slice(0, 4); it[k] = () => ({ done: true }); warn([...it].join());',
  ),
  policy(
    'call of a computed name',
    'const k = ["constr", "uctor"].join(""); const F = deny[k]; warn(F("return typeof this")());',
  ),
  policy(
    'setPrototypeOf',
    'try { Object.setPrototypeOf(Array.prototype, { mark: 1 }) } catch {} warn(String([].mark));',
  ),
  policy('Reflect.set', 'Reflect.set([].map, "mark", 1); warn(String([].map.mark));'),
  policy('Reflect.defineProperty', 'warn(String(Reflect.defineProperty([].map, "mark", { value: 1 })));'),
  policy(
    'a borrowed push',
    'try { Array.prototype.push.call([].map, 1) } catch { warn("caught") } warn(String([].map[0]));',
  ),
  policy('isFrozen', 'warn(`${Object.isFrozen(Object)} ${Object.isFrozen([].map)} ${Object.isExtensible(deny)}`);'),
  policy('descriptors', 'warn(JSON.stringify(Object.getOwnPropertyDescriptor([].map, "name")));'),
  policy('a bare constructor', 'constructor.mark = 1; warn(String(constructor.mark));'),
  policy('a bare constructor under another name', 'const O = constructor; O.mark = 1; warn(String(O.mark));'),
  policy('a name of the global object', 'toString = 1; warn(typeof toString); valueOf = 2; warn(typeof valueOf);'),
  policy('defined by __defineGetter__', '[].map.__defineGetter__("mark", () => 1); warn(String([].map.mark));'),
  policy('stack', 'Error.stackTraceLimit = 0; warn(String(new Error("x").stack));'),
  policy(
    'captureStackTrace',
    'try { Error.captureStackTrace([].map) } catch { warn("caught") } warn(typeof [].map.stack);',
  ),
  policy('WeakRef', 'warn(typeof WeakRef); warn(typeof FinalizationRegistry);'),
  policy(
    'typeof of what is not there',
    'warn(`${typeof Promise} ${typeof Proxy} ${typeof SharedArrayBuffer} ${typeof WebAssembly} ${typeof Iterator}`);',
  ),
];

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code of policies stands in plain strings.
/** Policies that tell much of what they see, so that a context that differs shows in their verdict. */
export interface PolicyCase {
  what: string;
  source: string;
  dependencies?: Record<string, string>;
}

const policy = (what: string, source: string, dependencies?: Record<string, string>): PolicyCase => ({
  what,
  source,
  ...(dependencies && { dependencies }),
});

/** What people write: to be decided `kept`. */
export const KEPT_POLICIES: readonly PolicyCase[] = [
  policy('nothing', ''),
  policy('a denial', 'if (request.namespace === "default") deny("not here", "Forbidden", 403);'),
  policy('a failure', 'null.x;'),
  policy('a thrown object', 'throw { reason: "no", code: 3 };'),
  policy(
    'a caught TypeError',
    'try { null.x } catch (e) { warn(e.message); warn(e instanceof TypeError ? "y" : "n") }',
  ),
  policy(
    'message of an error',
    'const e = new Error("a"); e.message = "b"; e.name = "N"; e.toString = () => "c"; warn(`${e}`);',
  ),
  policy(
    'undeclared names',
    'count = 0; for (i = 0; i < 3; i++) count += i; names = ["a"]; names.push("b"); warn(`${count} ${names}`);',
  ),
  policy('names the global object inherits', 'warn(typeof hasOwnProperty); warn(toString.call([]));'),
  policy('global state of the last run', 'if (typeof seen === "undefined") seen = 1; else seen++; warn(`${seen}`);'),
  policy(
    'a counter in a closure',
    'const next = (() => { let n = 0; return () => ++n })(); next(); warn(`${next()}`);',
  ),
  policy(
    'static state of a class',
    'class A { static n = 0; static #m = 5; static go() { A.n++; A.#m++; return A.n + A.#m } } A.go(); warn(`${A.go()}`);',
  ),
  policy(
    'overridden methods',
    'const o = { toString() { return "o" }, valueOf: () => 7 }; o.hasOwnProperty = () => "own"; warn(`${o} ${o + 1} ${o.hasOwnProperty()}`);',
  ),
  policy(
    'assigned inherited names',
    'const o = {}; o.toString = () => "t"; o.valueOf = 1; o.toLocaleString = 2; warn(`${o}`); warn(Object.keys(o).join());',
  ),
  policy(
    'an own prototype',
    'function F(n) { const me = Object.create(F.prototype); me.n = n; return me }\nF.prototype.double = (n) => n * 2; F.prototype.toString = () => "F"; warn(`${F(1)} ${F(2).double(4)}`);',
  ),
  policy(
    'inheritance',
    'class A { get x() { return 1 } f() { return "A" } } class B extends A { f() { return super.f() + "B" } set y(v) { this._y = v } } const b = new B(); b.y = 2; warn(b.f() + b.x + b._y);',
  ),
  policy(
    'a class over Array',
    'class L extends Array { last() { return this.at(-1) } } const l = L.from([1, 2]); l.push(3); l.length = 2; warn(`${l.last()} ${l instanceof Array} ${l.map(String) instanceof L}`);',
  ),
  policy(
    'a class over Map',
    'class M extends Map { get(k) { return super.get(k) ?? 0 } } const m = new M(); m.set("a", m.get("a") + 1); warn(`${m.get("a")}${m.size}`);',
  ),
  policy(
    'private members',
    'class A { #x = 1; static has(o) { return #x in o } bump() { return ++this.#x } } warn(`${A.has(new A())} ${A.has({})} ${new A().bump()}`);',
  ),
  policy('a class expression with a name', 'const A = class N { static n = N.name }; warn(A.n);'),
  policy(
    'generators',
    'function* g(n) { while (n > 0) yield n--; return "end" } warn([...g(3)].join()); const it = g(1); warn(JSON.stringify([it.next(), it.next()]));',
  ),
  policy(
    'an iterable of its own',
    'const o = { *[Symbol.iterator]() { yield 1; yield 2 } }; warn([...o].join()); const [a, b] = o; warn(`${a}${b}`);',
  ),
  policy(
    'destructuring',
    'const { object: { metadata: { name, labels = {}, ...more }, spec: { containers: [first, ...others] } } } = request; warn(`${name} ${labels.app} ${Object.keys(more)} ${first.name} ${others.length}`);',
  ),
  policy('swap', 'let a = 1, b = 2; [a, b] = [b, a]; warn(`${a}${b}`);'),
  policy(
    'defaults',
    'const f = (a = 1, { b = 2 } = {}, ...c) => a + b + c.length; warn(`${f()} ${f(2, { b: 3 }, 1, 1)}`);',
  ),
  policy(
    'optional chaining',
    'warn(`${request.oldObject?.metadata?.name} ${request.object?.spec?.nothing?.[0]?.()} ${request.x ?? "none"}`);',
  ),
  policy('logical assignment', 'const o = { a: 0 }; o.a ||= 1; o.b ??= 2; o.a &&= 3; warn(JSON.stringify(o));'),
  policy(
    'labels and loops',
    'outer: for (const a of [1, 2]) { for (const b of [1, 2]) { if (b === 2) continue outer; if (a === 2) break outer; warn(`${a}${b}`) } }',
  ),
  policy(
    'switch',
    'switch (request.operation) { case "CREATE": warn("c"); case "X": warn("x"); break; default: warn("d") }',
  ),
  policy('do, while, comma', 'let i = 0; do { i++ } while (i < 3); while (i --> 0, i > 0); warn(`${i}`);'),
  policy('try, finally', 'const f = () => { try { return "a" } finally { warn("f") } }; warn(f());'),
  policy(
    'getters and setters',
    'const o = { _v: 1, get v() { return o._v * 2 }, set v(n) { o._v = n } }; o.v = 4; warn(`${o.v}`);',
  ),
  policy(
    'computed keys',
    'const k = "a" + 1; const o = { [k]: 1, [`${k}b`]: 2 }; o[k]++; delete o[k + "b"]; warn(JSON.stringify(o));',
  ),
  policy(
    'tagged templates',
    'const tag = (parts, ...values) => parts.raw.join("|") + values.join(); warn(tag`a${1}\\n${2}c`);',
  ),
  policy(
    'regular expressions',
    'const r = /(?<k>[a-z])(\\d)/g; for (const m of "a1 b2".matchAll(r)) warn(m.groups.k + m[2]); warn("a1".replace(r, "$<k>")); warn(`${r.lastIndex} ${r.test("a1")} ${r.lastIndex}`);',
  ),
  policy(
    'new regular expressions',
    'const r = new RegExp(`^${request.object.metadata.name}$`, "i"); warn(`${r.test("WEB")} ${r.flags} ${r.source}`); warn(String(RegExp("a").exec("cat").index));',
  ),
  policy(
    'sticky and split',
    'const r = /\\s*(\\w+)/y; let m, all = []; while ((m = r.exec("a b c"))) all.push(m[1]); warn(all.join()); warn("a1b22c".split(/\\d+/).join());',
  ),
  policy(
    'dates',
    'const d = new Date(Date.UTC(2024, 0, 31)); d.setUTCMonth(1); warn(d.toISOString()); warn(`${Date.parse("2024-01-01T00:00:00Z")} ${new Date(0).getTimezoneOffset()}`); d.toString = () => "mine"; warn(`${d}`);',
  ),
  policy(
    'Map and Set',
    'const m = new Map([["a", 1]]); m.set("b", m.get("a") + 1); for (const [k, v] of m) warn(k + v); const s = new Set(["x", "x", "y"]); warn([...s].join() + s.size); m.forEach((v, k) => warn(k));',
  ),
  policy(
    'WeakMap',
    'const w = new WeakMap(); w.set(request, 1); w.set(Object.keys, 2); warn(`${w.get(request)} ${w.has({})} ${w.get(Object.keys)}`);',
  ),
  policy(
    'symbols',
    'const s = Symbol("d"); const o = { [s]: 1, [Symbol.toPrimitive]: () => 42 }; warn(`${o[s]} ${+o} ${s.toString()} ${s.description}`);',
  ),
  policy(
    'instanceof by symbol',
    'class Even { static [Symbol.hasInstance](n) { return n % 2 === 0 } } warn(`${2 instanceof Even} ${1 instanceof Even}`);',
  ),
  policy(
    'JSON',
    'warn(JSON.stringify({ a: [1, { b: undefined }], d: new Date(0), toJSON: undefined }, null, 1)); warn(`${JSON.parse("[1,2]", (k, v) => v).length}`); warn(JSON.stringify({ toJSON: () => "j" }));',
  ),
  policy(
    'numbers',
    'warn([Number.parseInt("12px"), parseFloat("1.5"), (0.1).toFixed(3), 255..toString(16), Number.MAX_SAFE_INTEGER, 2 ** 10, -7 % 3, Number("x")].join());',
  ),
  policy('BigInt', 'warn(`${2n ** 64n} ${BigInt("9") + 1n} ${BigInt.asUintN(8, 257n)} ${typeof 1n}`);'),
  policy(
    'Math',
    'warn([Math.max(1, 3), Math.trunc(-1.5), Math.hypot(3, 4), Math.round(2.5)].join()); const { floor } = { floor: Math.floor }; warn(`${floor(1.5)}`);',
  ),
  policy(
    'typed arrays',
    'const b = new Uint8Array([1, 2, 300]); b[0] = 9; warn(`${b} ${b.length} ${new DataView(b.buffer).getUint16(0)}`); warn([...Uint8Array.from([1, 2]).entries()].join(";"));',
  ),
  policy(
    'strings',
    'warn(["a,b".split(","), "x".padStart(3, "0"), " a ".trim(), "abc".at(-1), "é".normalize("NFD").length, "a-b".replaceAll("-", "+"), encodeURIComponent("a b"), escape("ä"), [..."😀b"].length].join("|"));',
  ),
  policy(
    'lists',
    'const l = [3, 1, 2]; warn([l.toSorted(), l.indexOf(1), l.includes(9), l.flatMap((x) => [x, x]), l.reduce((a, b) => a + b), l.findLast((x) => x > 1), l.with(0, 7), l.at(-1)].join("|")); l.sort((a, b) => a - b); l.length = 1; warn(`${l}`);',
  ),
  policy(
    'conversions as callbacks',
    'warn(["1", "", "2"].filter(Boolean).map(Number).map(String).join()); warn(Array.from("12", Number).join()); warn(`${[1, "a"].some(isNaN)} ${["1", "2"].map(parseInt)}`);',
  ),
  policy(
    'Object functions',
    'const o = Object.fromEntries(Object.entries(request.object.metadata.labels)); const c = Object.assign({}, o, { z: 1 }); warn(`${Object.keys(c)} ${Object.values(c)} ${Object.hasOwn(c, "z")}`); warn(Object.getOwnPropertyNames(c).join()); const g = Object.groupBy([1, 2, 3], (n) => n % 2 ? "odd" : "even"); warn(JSON.stringify(g));',
  ),
  policy(
    'frozen own objects',
    'const o = Object.freeze({ a: 1 }); o.a = 2; o.b = 3; warn(`${o.a} ${o.b} ${Object.isFrozen(o)} ${Object.isSealed({})}`);',
  ),
  policy(
    'defined properties',
    'const o = {}; Object.defineProperty(o, "x", { get: () => 5, enumerable: false }); warn(`${o.x} ${Object.keys(o).length}`);',
  ),
  policy(
    'a prototype of its own',
    'const base = { hello: () => "hi", toString: () => "base" }; const o = Object.create(base); o.extra = 1; warn(`${o.hello()} ${o} ${Object.keys(o)}`); const bare = Object.create(null); bare.toString = 5; warn(`${bare.toString} ${"valueOf" in bare}`);',
  ),
  policy(
    'in and delete',
    'const o = { a: 1 }; warn(`${"a" in o} ${delete o.a} ${"a" in o} ${"toString" in o}`); const keys = []; for (const k in request.object.metadata) keys.push(k); warn(keys.join());',
  ),
  policy(
    'borrowed methods',
    'warn(`${Object.prototype.hasOwnProperty.call(request, "object")} ${Array.prototype.slice.call("abc", 1)} ${Object.prototype.toString.call(null)}`);',
  ),
  policy(
    'recursion',
    'const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)); warn(`${fib(12)}`); const walk = (o) => Object.values(o ?? {}).reduce((n, v) => n + (typeof v === "object" ? walk(v) : 1), 0); warn(`${walk(request.object)}`);',
  ),
  policy('endless recursion', 'const f = () => f(); try { f() } catch (e) { warn(e.name) }'),
  policy('own JSON', 'const JSON = { stringify: () => "mine" }; warn(JSON.stringify(1));'),
  policy('own functions with policy names', 'function deny(m) { warn("own " + m) } deny("x"); var warnings = 1;'),
  policy(
    'sorted texts',
    'warn(["b", "a", "C"].sort((a, b) => a.localeCompare(b)).join()); warn(new Intl.NumberFormat("en-US").format(1234.5)); warn((1234.5).toLocaleString("en-US"));',
  ),
  policy('base64', 'warn(atob("YQ==") + btoa("b")); warn(`${encodeURI("ä")} ${decodeURIComponent("%20")}|`);'),
  policy(
    'own keys',
    'for (const key of Object.keys(request.object.metadata.labels)) request.object.metadata.labels[key] += "!"; for (const i in request.object.spec.containers) request.object.spec.containers[i].image += "@"; warn(JSON.stringify(request.object.metadata.labels) + request.object.spec.containers[0].image);',
  ),
  policy(
    'an index',
    'for (let i = 0; i < request.object.spec.containers.length; i++) { request.object.spec.containers[i].tty = true } request.object.spec.containers.forEach((c, i) => { request.object.spec.containers[i].n = i; c.m = 1 }); warn(JSON.stringify(request.object.spec.containers));',
  ),
  policy(
    'a lookup',
    'const names = { CREATE: "made", constructor: "c" }; warn(`${names[request.operation]} ${names[request.name]} ${typeof names[request.object.metadata.name]}`);',
  ),
  policy(
    'groups',
    'const groups = {}; for (const c of request.object.spec.containers) { groups[c.image] = groups[c.image] || []; groups[c.image].push(c.name) } warn(JSON.stringify(groups));',
  ),
  policy(
    'functions in a list',
    'const checks = [(c) => c.name, (c) => c.image]; for (const check of checks) warn(check(request.object.spec.containers[0])); warn(checks[0](request.object.spec.containers[0]));',
  ),
  policy(
    'a policy function as a callback',
    '["a", "b"].forEach((m) => warn(m)); const list = ["x"]; list.forEach(warn);',
  ),
  policy('console', 'console.log("x"); warn(typeof console.error);'),
  policy(
    'an inner denial',
    'try { deny("first") } catch (e) { warn("caught " + e) } finally { try { deny("second") } catch {} }',
  ),
  policy('the stack of an error', '\n\nfunction inner() { throw new Error("deep") }\ninner();'),
  policy('the stack as text', 'const e = new Error("s");\nwarn(e.stack.split("\\n")[0]);'),
  policy(
    'TypeScript',
    'enum Level { Low = 1, High }\ninterface C { name: string }\nconst c = request.object.spec.containers[0] as C;\nwarn(`${Level.High} ${Level[1]} ${c.name}`);',
  ),
  policy('exports', 'exports.a = 1; module.exports.b = 2; warn(Object.keys(module.exports).join());'),
  policy(
    'lodash',
    'import _ from "lodash";\nwarn(_.map([1, 2], (n) => n * 2).join()); warn(_.get(request, "object.metadata.name")); const o = {}; _.set(o, "a.b[0]", 1); warn(JSON.stringify(o)); warn(JSON.stringify(_.merge({}, { a: { b: 1 } }, { a: { c: 2 } }))); warn(_.chain([3, 1]).sortBy().map(String).join("-").value()); warn(`${_.isEqual({ a: [1] }, { a: [1] })} ${_.camelCase("a b")}`); warn(JSON.stringify(_.groupBy(["a", "bb"], "length")));',
    { lodash: '4.17.21' },
  ),
  policy(
    'lodash by require',
    'const _ = require("lodash"); const c = _.cloneDeep(request.object); c.metadata.name = "other"; warn(`${c.metadata.name} ${request.object.metadata.name} ${_.filter([0, 1], Boolean).length}`);',
    { lodash: '4.17.21' },
  ),
  policy(
    'semver',
    'import { satisfies, coerce } from "semver"; import semver from "semver";\nconst v = coerce("nginx:1.25"); warn(`${satisfies(v, ">=1")} ${v.version} ${semver.valid("x")}`); v.inc("minor"); warn(v.version); warn(["2.0.0", "1.0.0"].sort(semver.compare).join());',
    { semver: '7.6.0' },
  ),
  policy(
    'js-yaml',
    'import yaml from "js-yaml";\nwarn(JSON.stringify(yaml.load("a: [1, 2]\\nb: {c: 2024-01-01}"))); warn(yaml.dump(request.object.metadata.labels)); try { yaml.load("a: [") } catch (e) { warn(e.name + e.reason) }',
    { 'js-yaml': '4.1.0' },
  ),
  policy('ms', 'import ms from "ms"; warn(`${ms("1d")} ${ms(60000)}`)', { ms: '2.1.3' }),
  policy(
    'minimatch',
    'import { minimatch } from "minimatch"; warn(`${minimatch("a/b", "a/*")} ${minimatch("x.js", "*.{ts,js}")}`)',
    { minimatch: '9.0.5' },
  ),
  policy(
    'yaml',
    'import YAML from "yaml";\nwarn(JSON.stringify(YAML.parse("a: [1, 2]\\nb: {c: 1.5}"))); warn(YAML.stringify({ a: 1 }));',
    { yaml: '2.4.1' },
  ),
];

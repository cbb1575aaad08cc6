// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies are texts.
import type { PolicyCase } from './kept-and-fresh-policies.ts';

const policy = (what: string, source: string, dependencies?: Record<string, string>): PolicyCase => ({
  what,
  source,
  ...(dependencies && { dependencies }),
});
const LODASH = { lodash: '4.17.21' };

/** Tricks of the language. Kept or not, each gives what it gives in a fresh context. */
export const TRICKY_POLICIES: readonly PolicyCase[] = [
  policy(
    'own error class',
    'class E extends Error { constructor(m) { super(m); this.message = m + "!" } } try { throw new E("x") } catch (e) { warn(`${e}`) }',
  ),
  policy(
    'a write to a frozen own object',
    '(() => { const o = Object.freeze({ a: 1 }); try { o.a = 2; warn("written") } catch (e) { warn(e.message) } })();',
  ),
  policy(
    'the same at the top',
    'const o = {}; Object.freeze(o); function f() { try { o.a = 1; warn("quiet") } catch { deny("loud") } } f();',
  ),
  policy(
    'a getter without a setter',
    'const o = { get a() { return 1 } }; (() => { try { o.a = 2; warn("quiet") } catch { deny("loud") } })();',
  ),
  policy('a text is written to', 'try { request.name.x = 1; warn("quiet") } catch { deny("loud") }'),
  policy('an undeclared name in try', 'try { count = 1; warn(`${count}`) } catch (e) { deny(e.message) }'),
  policy(
    'an undeclared name in a function',
    'function f() { n = 1 } try { f(); warn(`${n}`) } catch (e) { deny(e.message) }',
  ),
  policy(
    'finally decides',
    'let ok = false; const f = (x) => { try { x.mark = 1; ok = true } finally { if (!ok) deny("failed") } }; f([].map); warn("fine");',
  ),
  policy(
    'finally returns',
    'const f = (x) => { try { x.mark = 1; return "a" } finally { return "b" + x.mark } }; warn(f([].map));',
  ),
  policy(
    'an iterator that is closed',
    'const it = { [Symbol.iterator]: () => ({ next: () => ({ value: [].map }), return: () => deny("closed") }) }; for (const x of it) { x.mark = 1; break } ',
  ),
  policy(
    'a generator that is closed',
    'function* g() { try { yield [].map } finally { deny("closed") } } for (const x of g()) { x.mark = 1; warn("fine"); allow() }',
  ),
  policy(
    'a write before a host call',
    'const f = (x) => { x.mark = 1; return x.mark }; warn(`${f([].map)}`); create({ kind: "Pod" });',
  ),
  policy(
    'a write after a host call',
    'create({ kind: "Pod" }); const f = (x) => { x.mark = 1; return x.mark }; warn(`${f([].map)}`);',
  ),
  policy('many reads before a write', 'for (let i = 0; i < 60; i++) env("A"); total = 1; warn(`${total}`);'),
  policy(
    'a frozen test by another way',
    'const o = request.object; warn(String(["is" + "Frozen"].map((k) => ((c) => c)(Object.entries({ a: 1 }))).length));',
  ),
  policy('arguments alias parameters', 'function f(a) { a = 2; return arguments[0] } warn(`${f(1)}`);'),
  policy(
    'arguments.callee',
    'const fact = function (n) { return n < 2 ? 1 : n * arguments.callee(n - 1) }; warn(`${fact(5)}`);',
  ),
  policy('a function in a block', 'if (true) { function g() { return 1 } } warn(typeof g);'),
  policy('a function in a block hides', 'var g = 1; { function g() {} } warn(typeof g);'),
  policy('a function in a switch', 'switch (1) { case 1: function h() {} } warn(typeof h);'),
  policy('this of a function', 'function f() { return this === undefined } warn(`${f()} ${typeof this}`);'),
  policy('this of a text', 'function f() { return typeof this } warn(f.call("a"));'),
  policy('with', 'with (request) { warn(name) }'),
  policy('octal literals', 'warn(`${010} ${"\\101"}`);'),
  policy('two parameters of one name', 'function f(a, a) { return a } warn(`${f(1, 2)}`);'),
  policy('a name of strict code', 'var let_ = 1, static = 2, interface = 3; warn(`${static}${interface}`);'),
  policy('delete of a name', 'var x = 1; warn(`${delete x}`);'),
  policy('caller', 'function f() { return f.caller } warn(String(f()));'),
  policy('the name of a function expression', 'const f = function g() { g = 1; return typeof g }; warn(f());'),
  policy(
    'the name of a function expression, in try',
    'const f = function g() { g = 1; return typeof g }; try { warn(f()) } catch { warn("loud") }',
  ),
  policy('a hidden host function', 'this["sle" + "ep"](1); warn("slept");'),
  policy('a hidden host function of globalThis', 'const k = "ma" + "tate".slice(0); globalThis["wa" + "rn"]("x");'),
  policy('Math.random', 'Math.random = () => 4; warn(`${Math.random()}`);'),
  policy('Date', 'const D = Date; Date = class { static now() { return 7 } }; warn(`${Date.now()}`);'),
  policy('Date.now', 'Date.now = () => 7; warn(`${Date.now()}`);'),
  policy('prepareStackTrace', 'Error.prepareStackTrace = () => "mine"; warn(new Error("x").stack);'),
  policy('stackTraceLimit', 'Error.stackTraceLimit = 1; warn(`${Error.stackTraceLimit}`);'),
  policy('toJSON of all', 'Object.prototype.toJSON = () => 1; warn(JSON.stringify({ a: 2 }));'),
  policy(
    'toJSON by another way',
    'const p = Object.getPrototypeOf({}); p.toJSON = () => 1; warn(JSON.stringify({ a: 2 }));',
  ),
  policy(
    'species',
    'class A extends Array { static get [Symbol.species]() { return Array } } warn(`${A.from([1]).map((x) => x) instanceof A}`);',
  ),
  policy(
    'species of a list',
    'const a = [1]; a.constructor = { [Symbol.species]: function () { return { length: 0, mark: 1 } } }; warn(`${a.map((x) => x).mark}`);',
  ),
  policy('lastIndex', 'const r = /a/g; warn(`${r.test("aa")} ${r.lastIndex} ${r.test("aa")} ${r.test("aa")}`);'),
  policy('statics of RegExp', '/(.)b/.test("ab"); warn(RegExp.$1 + RegExp["$" + "1"]);'),
  policy(
    'statics of RegExp by a name',
    '/(.)b/.test("ab"); const k = "$" + request.name.length % 1 + "1"; warn(String(RegExp[k]));',
  ),
  policy(
    'a template object',
    'const t = (s) => s; const f = () => t`a`; warn(`${f() === f()} ${Object.isFrozen(f())}`);',
  ),
  policy('Symbol.for', 'warn(`${Symbol.for("x") === Symbol.for("x")}`); Symbol.for("x").description;'),
  policy(
    'names of the global object',
    'warn(Object.keys(globalThis).sort().join()); warn(Object.getOwnPropertyNames(this).length.toString());',
  ),
  policy(
    'memoized in a module',
    'const memo = new Map(); const get2 = (k) => memo.get(k) ?? (memo.set(k, memo.size), memo.size); warn(`${get2("a")}${get2("a")}${memo.size}`);',
  ),
  policy(
    'in every prototype',
    'const found = []; for (const k in []) found.push(k); for (const k in "a") found.push(k); warn(found.join());',
  ),
  policy(
    'an own copy of a prototype',
    'const o = Object.assign(Object.create(null), { ...request.object.toString }); warn(Object.keys(o).join());',
  ),
  policy('lodash uniqueId', 'import _ from "lodash"; warn(_.uniqueId("a"));', LODASH),
  policy('lodash uniqueId by name', 'import { uniqueId as u } from "lodash"; warn(u());', LODASH),
  policy('lodash uniqueId by path', 'const u = require("lodash/uniqueId"); warn(u());', LODASH),
  policy(
    'lodash mixin',
    'import _ from "lodash"; warn(typeof _.shout); _.mixin({ shout: (s) => s + "!" }); warn(_.shout("a"));',
    LODASH,
  ),
  policy(
    'lodash under another name',
    'import _ from "lodash"; const o = { _ }; o._.mark = (o._.mark ?? 0) + 1; warn(`${_.mark}`);',
    LODASH,
  ),
  policy(
    'a function of lodash, in a list',
    'import _ from "lodash"; const [t] = [_.trim]; t.n = (t.n ?? 0) + 1; warn(`${t.n}`);',
    LODASH,
  ),
  policy(
    'a function of lodash, as an argument',
    'import _ from "lodash"; const f = (t) => { t.n = (t.n ?? 0) + 1; return t.n }; warn(`${f(_.trim)}`);',
    LODASH,
  ),
  policy(
    'lodash writes to a method',
    'import _ from "lodash"; _.set([].map, "mark", 1); warn(`${[].map.mark}`); _.assign(deny, { mark: 2 }); warn(`${deny.mark}`);',
    LODASH,
  ),
  policy(
    'lodash merges into a prototype',
    'import _ from "lodash"; _.merge({}, JSON.parse(\'{"__proto__":{"mark":1}}\')); warn(`${{}.mark}`);',
    LODASH,
  ),
  policy(
    'lodash attempt',
    'import _ from "lodash"; const r = _.attempt(() => { [].map.mark = 1; return 1 }); warn(String(r));',
    LODASH,
  ),
  policy(
    'lodash invoke',
    'import _ from "lodash"; warn(`${_.invoke({ a: (x) => x }, "a", 1)} ${_.isNative([].map)} ${_.isFunction(deny)} ${_.isPlainObject(request)}`);',
    LODASH,
  ),
  policy(
    'lodash clones',
    'import _ from "lodash"; warn(JSON.stringify(_.cloneDeep({ d: new Date(0), r: /x/g, m: [new Map([[1, 2]])] }))); warn(_.template ? "t" : "");',
    LODASH,
  ),
  policy(
    'dayjs extended',
    'import dayjs from "dayjs"; warn(typeof dayjs.utc); dayjs.extend((o, C, f) => { f.utc = 1 }); warn(typeof dayjs.utc);',
    { dayjs: '1.11.10' },
  ),
  policy(
    'own error class with a name',
    'class E extends Error { constructor(m) { super(m); this.name = "E"; this.message = m + "!" } }\ntry { throw new E("x") } catch (e) { warn(`${e}`); warn(e.name + e.message) }',
  ),
  policy(
    'strict function on frozen object',
    'const o = Object.freeze({ a: 1 }); (() => { "use strict"; try { o.a = 2 } catch (e) { warn(e.message) } })();',
  ),
  policy(
    'arguments',
    'function f() { return Array.from(arguments).join() + arguments.length } warn(f(1, 2)); warn(f.call(null, 3)); warn(f.apply(null, [4, 5])); warn(f.bind(null, 6)(7)); warn(f.name + f.length);',
  ),
  policy(
    'a module',
    'export const x = 1;\nconst f = function () { return this };\nwarn(`${f()} ${typeof this}`); try { undeclared = 1 } catch (e) { warn(e.message) }',
  ),
];

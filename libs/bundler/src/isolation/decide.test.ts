import { describe, expect, it } from 'vitest';
import { EsbuildProcess } from '../esbuild-process.ts';
import { findImports } from '../imports.ts';
import { parseSource } from '../parse-source.ts';
import { type PolicyPart, writePolicyPart } from '../policy-part.ts';
import { decideIsolation } from './decide.ts';
import { decideApart } from './decide-apart.ts';

const esbuild = new EsbuildProcess({ timeoutMs: 120_000, idleMs: 1000 });

async function decide(text: string, prelude = '') {
  const source = await parseSource(text, esbuild);
  const part: PolicyPart = writePolicyPart(source, findImports(source.program), prelude !== '');
  const { offset, ...decision } = decideIsolation(prelude, part);
  if (offset === undefined) return decision;
  const { line, column } = source.authorPosition(offset);
  return { ...decision, reason: `${decision.reason} at ${line}:${column}` };
}

const FRESH: [rule: string, source: string, reason: string][] = [
  ['async function', 'let a;\n  async function f() {}', 'async function at 2:3'],
  ['async arrow', '(async () => { await null; deny("x") })();', 'async function at 1:2'],
  ['async method', 'const o = { async f() {} };', 'async function'],
  ['top-level await', 'await null;', 'async function at the top level'],
  ['Promise', 'Promise.resolve().then(allow);', 'Promise.resolve at 1:1'],
  ['import()', 'import("ms").then(m => m);', 'async function at the top level'],
  ['with', 'with (request) { deny(name) }', 'with'],
  ['RegExp statics', '/a/.test(request.name); warn(RegExp.$1);', 'RegExp.$1'],
  ['lastMatch', 'warn(RegExp["lastMatch"]);', 'RegExp.lastMatch'],
  ['WeakRef', 'new WeakRef({});', 'WeakRef'],
  ['FinalizationRegistry', 'new FinalizationRegistry(() => {});', 'FinalizationRegistry'],
  ['eval', 'eval("1");', 'eval'],
  ['indirect eval', '(0, eval)("1");', 'eval'],
  ['Function', 'Function("return this")();', 'Function'],
  ['constructor', 'deny.constructor("return this")();', '.constructor'],
  ['constructor in brackets', 'deny["constructor"]("1")();', '.constructor'],
  ['constructor in parts', 'deny["con" + "structor"]("1")();', '.constructor'],
  ['constructor by destructuring', 'const { constructor: F } = deny;', '.constructor'],
  ['a call by a computed name', 'deny[request.name]("1");', 'a call by a computed name'],
  ['__proto__', '[].__proto__.x = 1;', '.__proto__'],
  ['prototype write', 'Array.prototype.evil = 1;', 'a write to a member of the global Array'],
  ['prototype alias', 'const p = Object.prototype; p.x = 1;', '.prototype at 1:11'],
  ['getPrototypeOf', 'Object.getPrototypeOf([]).x = 1;', 'Object.getPrototypeOf'],
  ['global alias', 'const O = Object; O.x = 1;', 'Object under another name'],
  ['write to a global', 'JSON = {};', 'a write to the global JSON'],
  ['write to a policy function', 'deny = () => {};', 'a write to the global deny'],
  ['write to a global by destructuring', '[JSON] = [1];', 'a write to the global JSON'],
  ['write to a member of a global', 'JSON.x = 1;', 'a write to a member of the global JSON'],
  ['increment of a member of a global', 'Math.x++;', 'a write to a member of the global Math'],
  ['delete of a member of a global', 'delete JSON.parse;', 'a write to a member of the global JSON'],
  ['delete of a name', 'x = 1; delete x;', 'delete x'],
  ['Object.assign to a prototype', 'Object.assign(Object.prototype, { x: 1 });', 'Object'],
  ['Object.defineProperty on a global', 'Object.defineProperty(JSON, "x", { value: 1 });', 'JSON'],
  ['Object.freeze of a function', 'Object.freeze(deny);', 'Object.freeze on the global deny'],
  ['member of a policy function', 'deny.calls = 1;', 'a write to a member of the global deny'],
  ['globalThis', 'globalThis.counter = 1;', 'a write to a member of the global globalThis'],
  ['globalThis, computed', 'globalThis[request.name];', 'globalThis[...]'],
  ['this at the top', 'this.x = 1;', 'this, which'],
  ['this in a sloppy function', 'function f() { this.JSON = 1 } f();', 'this, which'],
  ['Reflect', 'Reflect.set({}, "a", 1);', 'Reflect.set'],
  ['Proxy', 'new Proxy({}, {});', 'Proxy'],
  ['Symbol.for', 'Symbol.for("x");', 'Symbol.for'],
  ['arguments.callee', 'function f() { return arguments.callee }', '.callee'],
  ['engine internals', '__response = { deny: true };', '__response'],
  ['write to a package', 'const _ = require("lodash"); _.x = 1;', 'a write to the package behind _'],
  ['write to a part of a package', 'const s = require("x").settings; s.y = 1;', 'a write to the package behind s'],
  [
    'write to an imported name',
    'import { settings } from "x"; settings.y = 1;',
    'a write to the package behind settings',
  ],
  ['a write in try', 'const x = [].map; try { x.mark = 1 } catch {}', 'a write whose failure may be hidden at 1:25'],
  ['a write in a function beside try', 'function f(x) { x.a = 1 } try { f([].map) } catch {}', 'a write whose failure'],
  ['a write before a host call that changes something', 'f([].map).a = 1; create({});', 'cannot be evaluated again'],
  [
    'a look at what is frozen after a host call',
    'update(request.object); deny(String(Object.isFrozen([].map)));',
    'isFrozen in',
  ],
  ['arguments', 'function f(a) { a = 2; return arguments[0] }', 'arguments at'],
  ['a function in a block', 'if (x) { function f() {} }', 'a function declared in a block'],
  ['a package given away', 'const _ = require("x"); f(_);', '_, a package, given away'],
  ['locale() of a package', 'const d = require("x"); d.locale("fr");', 'locale() of a package'],
  ['template() of a package', 'const _ = require("lodash"); _.template("x")();', 'template() of a package'],
];

const KEPT: [what: string, source: string][] = [
  ['an ordinary policy', 'if (request.namespace === "default") deny("not in default", "Forbidden", 403);'],
  ['undeclared assignments', 'count = 0; count++; names = []; names.push(request.name);'],
  ['writes to the object', 'request.object.metadata.labels["a"] = "b"; mutate(request.object);'],
  ['writes in loops', 'for (const c of request.object.spec.containers) { c.image = "x"; delete c.command; }'],
  ['shadowed functions', 'const deny = (m) => warn(m); deny("x");'],
  ['a local named as a global', 'const JSON = { x: 1 }; JSON.x = 2;'],
  [
    'Object and Array',
    'Object.keys(request.object).filter(Boolean).map(String); Array.isArray([]); new Map().set(1, 2);',
  ],
  ['a borrowed method', 'Object.prototype.hasOwnProperty.call(request, "a"); Array.prototype.slice.call([1]);'],
  [
    'Object.assign to an own object',
    'const o = Object.assign({}, request.object); Object.assign(o, { a: 1 }); Object.freeze(o);',
  ],
  ['classes', 'class A extends Error { #x = 1; get x() { return this.#x } set x(v) { this.#x = v } } new A().x = 2;'],
  ['an own prototype', 'function F() {} F.prototype.go = function () { return 1 }; new F().go();'],
  ['generators', 'function* g() { yield 1 } [...g()];'],
  ['labels, dates, expressions', 'a: for (;;) { break a } new Date(); Math.random(); /x/g.exec("x"); `a`;'],
  ['exports', 'exports.x = 1; module.exports.y = 2;'],
  ['a module', 'export const x = 1; export default function () { return this }'],
  ['a call of a package', 'import _ from "lodash"; const r = _.map([1], (x) => x); r.x = 1;'],
  [
    'host functions',
    'const pod = get("Pod", "v1", request.name); pod.metadata.labels = {}; print(list("Pod", "v1").length);',
  ],
  [
    'try',
    'const all = []; let x = {}; try { x = JSON.parse(request.name); all.push(1) } catch (e) { warn(e.message) }',
  ],
  [
    'a sorted list in try',
    'try { warn(list("Pod", "v1").map((p) => p.name).sort().join()) } catch (e) { deny(String(e)) }',
  ],
  ['a write outside of try', 'request.object.x = 1; try { JSON.parse("") } catch {}'],
  ['a look at what is frozen', 'const o = Object.freeze({}); deny(String(Object.isFrozen(o)));'],
  ['typeof of anything', 'typeof Promise === "function" && typeof globalThis;'],
];

const BAD_PRELUDES: [what: string, code: string, reason: string][] = [
  ['eval', 'eval("1")', 'eval'],
  ['Function with code', 'Function("a", "return a")', 'Function()'],
  ['a new Function', 'new Function("return 1")', 'Function()'],
  ['constructor.constructor', '(() => {}).constructor.constructor("1")', '.constructor.constructor'],
  ['WeakRef', 'new WeakRef({})', 'WeakRef'],
  ['Promise', 'Promise.resolve()', 'Promise'],
  ['an async arrow', 'const f = async () => 1', 'async function'],
  ['an async function that is called', 'async function f() {} f()', 'async function'],
  ['a polyfill', 'Array.prototype.flat2 = function () {}', 'a write to the global Array'],
  ['a defined property', 'Object.defineProperty(String.prototype, "x", {})', 'a write to the global String'],
  ['stackTraceLimit', 'Error.stackTraceLimit = 1', 'a write to the global Error'],
  ['globalThis', 'globalThis.x = 1', 'a write to the global globalThis'],
  ['__proto__', 'const o = {}; o.__proto__ = null', 'a write to __proto__'],
  ['RegExp statics', 'const m = RegExp.$1', 'RegExp.$1'],
];

const GOOD_PRELUDES: [what: string, code: string][] = [
  ['the search for the global object', 'const root = Function("return this")()'],
  ['an own class', 'function F() {} F.prototype.x = function () { return this }; F.prototype.constructor = F'],
  ['an async function that is only exported', 'async function f() { await f() } const e = { visitAsync: () => f }'],
  ['an own Promise', 'const Promise = {}; Promise.x'],
  ['captureStackTrace', 'Error.captureStackTrace({})'],
];

describe('isolation', () => {
  it.each(FRESH)('%s needs a fresh context', async (_, text, reason) => {
    expect(await decide(text)).toMatchObject({ isolation: 'request', reason: expect.stringContaining(reason) });
  });

  it.each(KEPT)('%s may be kept', async (_, text) => {
    expect(await decide(text)).toMatchObject({ isolation: 'kept', reason: 'nothing in it outlives a request' });
  });

  it.each(BAD_PRELUDES)('a package with %s needs a fresh context', async (_, code, reason) => {
    const prelude = `var __jspolicyModules = (() => { ${code} })();\n`;
    expect(await decide('allow()', prelude)).toMatchObject({
      isolation: 'request',
      reason: expect.stringContaining(reason),
    });
  });

  it.each(GOOD_PRELUDES)('a package with %s may be kept', async (_, code) => {
    const prelude = `var __jspolicyModules = (() => { ${code} })();\n`;
    expect(await decide('allow()', prelude)).toMatchObject({ isolation: 'kept' });
  });

  it('an asynchronous function of a package counts when the policy names it', async () => {
    const prelude = 'var __jspolicyModules = (() => { async function f() {} return { visitAsync: () => f } })();\n';
    expect(await decide('visitAsync()', prelude)).toMatchObject({ isolation: 'request' });
  });

  it('a large script is looked into in a process of its own, with the same result', async () => {
    const text = `deny("${'x'.repeat(30_000)}");\nJSON.x = 1;`;
    const part = { text, authorStart: 0, authorLength: text.length };
    expect(await decideApart({ prelude: '', part })).toEqual(decideIsolation('', part));
    expect(await decideApart({ prelude: '', part })).toMatchObject({ isolation: 'request', offset: 30_010 });
  });

  it('a script that is too large is not looked into', async () => {
    const text = `x = "${'x'.repeat(1_500_000)}"`;
    const part = { text, authorStart: 0, authorLength: text.length };
    expect(await decideApart({ prelude: '', part })).toMatchObject({ isolation: 'request', globals: undefined });
  });

  it('a script that is too deep to be looked into needs a fresh context', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const part = { text: deep, authorStart: 0, authorLength: deep.length };
    expect(decideIsolation('', part)).toMatchObject({ isolation: 'request', globals: undefined });
  });
});

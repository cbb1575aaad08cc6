import { createContext, runInContext } from 'node:vm';
import { bundleDigest, type CompileReply } from '@jspolicy/contracts';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apart } from './apart.ts';
import { type Bundler, createBundler } from './bundler.ts';

let dir: TempDir;
let bundler: Bundler;
beforeAll(async () => {
  dir = await tempDir();
  bundler = createBundler({ workDir: `${dir.path}/work`, cacheDir: `${dir.path}/cache` });
});
afterAll(async () => {
  await bundler.close();
  await dir.remove();
});

const compile = (source: string) => bundler.compile({ kind: 'source', policy: 'a.b.c', source, dependencies: {} });

async function bundleOf(source: string) {
  const reply = await compile(source);
  if (!reply.ok) throw new Error(reply.message);
  return reply.bundle;
}

async function failureOf(source: string): Promise<Extract<CompileReply, { ok: false }>> {
  const reply = await compile(source);
  if (reply.ok) throw new Error('it compiled');
  return reply;
}

/** Runs a whole script in a fresh context, as tools that read bundles do; returns what it warned of. */
async function run(source: string): Promise<unknown[]> {
  const { script } = await bundleOf(source);
  const warnings: unknown[] = [];
  const context = createContext({ warn: (text: unknown) => warnings.push(text), deny: () => undefined, request: {} });
  runInContext(script, context, { filename: 'policy' });
  await new Promise((resolve) => setImmediate(resolve));
  return warnings;
}

describe('a policy as plain JavaScript', () => {
  it('keeps the text as the author wrote it', async () => {
    const source = '// a comment\nif (request.name)   deny("x") // another';
    const bundle = await bundleOf(source);
    expect(bundle.script).toContain(source);
    expect(bundle).toMatchObject({ preludeLength: 0, form: 'function-body', isolation: 'kept', hostCalls: [] });
    expect(bundle.digest).toBe(bundleDigest(bundle));
  });

  const RUNS: [what: string, source: string, warnings: unknown[]][] = [
    ['runs in sloppy mode', 'leaked = 5; warn(leaked);', [5]],
    ['ignores a leading "use strict"', '"use strict"; leaked = 5; warn(leaked);', [5]],
    ['shadows policy functions', 'const deny = (m) => warn("own " + m); deny("x");', ['own x']],
    ['shadows the request', 'const request = { a: 1 }; warn(request.a);', [1]],
    ['has exports and module', 'exports.x = 1; module.exports.y = 2; warn(Object.keys(exports).join());', ['x,y']],
    ['may call a constant module or exports', 'const module = 1; let exports = 2; warn(module + exports);', [3]],
    ['may end with return', 'warn(1); return; warn(2);', [1]],
    ['waits at the top level', 'await null; warn(await 2);', [2]],
    ['may use with', 'with ({ a: 1 }) { warn(a) }', [1]],
    ['may start with a hashbang', '#!/usr/bin/env node\nwarn(1)', [1]],
    ['may be empty', '', []],
    ['may be a comment', '// nothing', []],
    ['may be TypeScript', 'enum A { B = 7 }\nconst x: number = A.B; warn(x as number);', [7]],
    ['keeps JavaScript that TypeScript reads otherwise', 'const a = 1, b = 5, c = 0; warn(a<b>(c));', [true]],
  ];
  it.each(RUNS)('%s', async (_, source, warnings) => {
    expect(await run(source)).toEqual(warnings);
  });

  it("throws at the author's line", async () => {
    await expect(run('\n\n  throw new Error("boom")')).rejects.toThrow(
      expect.objectContaining({ stack: expect.stringContaining('policy:3:9') }),
    );
  });
});

describe('a policy as a module', () => {
  const RUNS: [what: string, source: string, warnings: unknown[]][] = [
    ['exports are evaluated', 'export const x = 1;\nexport function f() {}\nexport { f as g };\nwarn(x);', [1]],
    ['a default function is not called', 'export default function () { warn("called") }\nwarn("ran");', ['ran']],
    ['a default expression is evaluated', 'export default warn("a")\nwarn("b")', ['a', 'b']],
    ['a default value may be in parentheses', 'export default (1);\n(() => warn(2))()', [2]],
    ['a named default is a declaration', 'export default class A { static x = 3 }\nwarn(A.x)', [3]],
    ['this is undefined', 'export {};\nwarn(typeof this);', ['undefined']],
  ];
  it.each(RUNS)('%s', async (_, source, warnings) => {
    expect(await run(source)).toEqual(warnings);
  });

  it('is strict', async () => {
    await expect(run('export const x = 1;\nleaked = 5;')).rejects.toThrow('leaked is not defined');
  });

  it("throws at the author's line and column", async () => {
    await expect(run('export const x = 1;\nexport const y = (() => { throw new Error("z") })()')).rejects.toThrow(
      expect.objectContaining({ stack: expect.stringContaining('policy:2:33') }),
    );
  });
});

describe('diagnostics', () => {
  it('show the place, the line and a caret', async () => {
    expect(await failureOf('if (request.namespace === "golden" {\n  deny("x");\n}\n')).toEqual({
      ok: false,
      fault: 'author',
      message: [
        'error bundling javascript: javascript:1:36: Expected ")" but found "{"',
        '  1 | if (request.namespace === "golden" {',
        '    |                                    ^',
      ].join('\n'),
      diagnostics: [
        {
          file: 'javascript',
          line: 1,
          column: 36,
          text: 'Expected ")" but found "{"',
          lineText: 'if (request.namespace === "golden" {',
        },
      ],
    });
  });

  const REFUSED: [source: string, text: string][] = [
    ['let é = ( }', 'javascript:1:11: Unexpected "}"'],
    ['const x: number = (;', 'javascript:1:20: Unexpected ";"'],
    ['import x from "left-pad";', 'javascript:1:15: "left-pad" is not in spec.dependencies'],
    ['\nrequire("left-pad");', 'javascript:2:9: "left-pad" is not in spec.dependencies'],
    [
      'import p from "path";',
      '"path" is a module of Node, and policies do not run in Node: add the package path-browserify',
    ],
    ['import fs from "node:fs";', 'readFileSync(path) is there without an import'],
    ['import "./other.js";', '"./other.js" is a file, and a policy is one text'],
    ['import x from "../../../etc/passwd";', '"../../../etc/passwd" is a file'],
    ['import x from "/etc/passwd" with { type: "text" };', 'with { type: "text" } is not possible here, only "json"'],
    ['import x from "/etc/passwd";', '"/etc/passwd" cannot be imported'],
    ['import x from "data:text/javascript,1";', '"data:text/javascript,1" cannot be imported'],
    ['import x from "https://example.com/x.js";', '"https://example.com/x.js" cannot be imported'],
    ['import x from "file:///etc/passwd";', '"file:///etc/passwd" cannot be imported'],
    ['import x from "a/../../b";', '"a/../../b" leads out of its package'],
    ['const n = "x"; import(n);', 'javascript:1:16: import() needs the package'],
    ['export {};\nconst x = import.meta.url;', 'javascript:2:11: import.meta is not possible here'],
    ['const x: string = import.meta.url;', 'javascript:1:19: import.meta is not possible here'],
    ['@'.repeat(10), 'error bundling javascript: javascript:1:'],
  ];
  it.each(REFUSED)('%s', async (source, text) => {
    const failure = await failureOf(source);
    expect(failure.message).toContain(text);
    expect(failure.fault).toBe('author');
  });

  it('tell of every wrong import, ten at most', async () => {
    const many = Array.from({ length: 12 }, (_, index) => `import "p${index}";`).join('\n');
    expect((await failureOf(many)).diagnostics).toHaveLength(10);
  });

  it('a long list is compiled', async () => {
    expect(await compile('a();'.repeat(200_000))).toMatchObject({ ok: true });
  });

  it('require() of a computed name is a warning', async () => {
    expect(await compile('const n = "x"; if (false) require(n);')).toMatchObject({
      ok: true,
      warnings: [{ line: 1, text: expect.stringContaining('require() needs the package') }],
    });
  });
});

describe('host calls', () => {
  const CALLS: [source: string, calls: string[]][] = [
    ['deny("x"); print(1); requeue(); atob("")', []],
    ['get("Pod", "v1", "a"); sleep(1)', ['get', 'sleep']],
    ['const g = list; g("Pod", "v1")', ['list']],
    ['new Map().get("a")', []],
    ['const get = () => 1; get()', []],
    [
      'globalThis["li" + "st"]("Pod", "v1")',
      ['get', 'list', 'create', 'update', 'remove', 'fetchSync', 'readFileSync', 'env', 'sleep'],
    ],
    ['(async () => { await null; fetchSync("x") })()', ['fetchSync']],
  ];
  it.each(CALLS)('%s', async (source, calls) => {
    expect((await bundleOf(source)).hostCalls).toEqual(calls);
  });
});

describe('hostile sources', () => {
  const HOSTILE: [what: string, source: () => string][] = [
    ['brackets', () => '['.repeat(200_000) + ']'.repeat(200_000)],
    ['operators', () => `${'!'.repeat(500_000)}1`],
    ['blocks', () => '{'.repeat(200_000) + '}'.repeat(200_000)],
    ['TypeScript blocks', () => `let x: number; ${'{'.repeat(200_000)}${'}'.repeat(200_000)}`],
    ['a large text', () => `"${'x'.repeat(2_000_000)}"`],
    ['many imports', () => Array.from({ length: 40_000 }, (_, index) => `import "p${index}"`).join(';')],
  ];
  it.each(HOSTILE)('%s are refused, and the next policy compiles', async (_, source) => {
    expect(await compile(source())).toMatchObject({ ok: false, fault: 'author' });
    expect(await compile('const x: number = 1; allow();')).toMatchObject({ ok: true });
  });
});

describe('a build that takes too long', () => {
  // So large that no esbuild is done with it within a millisecond.
  const large = `const x: number[] = [${'1,'.repeat(400_000)}];`;
  it.each(['', 'import "is-number";'])('is cut off: %s', async (start) => {
    const source = start + large;
    const limits = { bundleTimeoutMs: 1 };
    const impatient = createBundler({ workDir: `${dir.path}/work`, cacheDir: `${dir.path}/cache`, limits });
    const dependencies = source.startsWith('import') ? { 'is-number': '7.0.0' } : {};
    expect(await impatient.compile({ kind: 'source', policy: 'a.b.c', source, dependencies })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^error bundling javascript: .*took longer than 0\.001 s/),
    });
    await impatient.close();
  });
});

describe('a bundle that a user made', () => {
  const precompiled = (script: string) => bundler.compile({ kind: 'precompiled', policy: 'a.b.c', script });

  it('is taken as it is', async () => {
    expect(await precompiled('!function(){get("Pod")}()')).toEqual({
      ok: true,
      bundle: {
        script: '!function(){get("Pod")}()',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        isolation: 'request',
        isolationReason: expect.any(String),
        preludeLength: 0,
        form: 'script',
        hostCalls: ['get'],
      },
      warnings: [],
    });
  });

  it('must be a classic script', async () => {
    expect(await precompiled('var a;\n  import x from "y"')).toMatchObject({
      ok: false,
      fault: 'author',
      message: 'error reading javascript bundle: bundle:2:3: Cannot use import statement outside a module',
    });
  });

  it('must not be larger than an evaluator takes', async () => {
    expect(await precompiled(`"${'x'.repeat(5 * 1024 * 1024)}"`)).toMatchObject({
      ok: false,
      message: expect.stringContaining('5.1 MiB are too large; at most 4 MiB are possible'),
    });
  });

  it('may be deep', async () => {
    expect(await precompiled(`${'['.repeat(2000)}${']'.repeat(2000)}`)).toMatchObject({ ok: true });
  });

  it('is read elsewhere when it is large, with the same words', async () => {
    const large = `${'a();'.repeat(100_000)}\n`;
    expect(await precompiled(`${large}get("Pod")`)).toMatchObject({ ok: true, bundle: { hostCalls: ['get'] } });
    expect(await precompiled(`${large}  import x from "y"`)).toMatchObject({
      message: 'error reading javascript bundle: bundle:2:3: Cannot use import statement outside a module',
    });
    expect(await precompiled(`${'a();'.repeat(500_000)}(]`)).toMatchObject({
      message: "error reading javascript bundle: bundle: Unexpected token ']'",
    });
    expect(await precompiled(`${'['.repeat(2 ** 21)}${']'.repeat(2 ** 21)}`)).toMatchObject({
      ok: false,
      fault: 'author',
      message: 'error reading javascript bundle: bundle: Maximum call stack size exceeded',
    });
  });

  // To find where it is wrong takes a parser minutes: each name is looked for among all before.
  const slow = `${Array.from({ length: 130_000 }, (_, index) => `let a${index};`).join('')} (]`;
  it.each([
    ['time', { timeoutMs: 2_000, memoryLimitMiB: 512 }],
    ['memory', { timeoutMs: 300_000, memoryLimitMiB: 24 }],
  ])('takes no more %s than it may', async (over, limits) => {
    const base = new URL('./precompiled.ts', import.meta.url).href;
    expect(await apart(base, 'script-facts-process', slow, limits)).toEqual({ over });
  });
});

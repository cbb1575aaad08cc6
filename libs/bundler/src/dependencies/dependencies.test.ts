import { access, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bundler, type BundlerOptions, createBundler } from '../bundler.ts';
import { startRegistry, type TestPackage, type TestRegistry } from './registry.fixture.ts';

let packages: TempDir;
let registry: TestRegistry;
let dir: TempDir;
let bundler: Bundler;

const canary = () => `${packages.path}/canary`;
const script = (event: string) => ({ [event]: `touch ${canary()}` });

const hostile = (): TestPackage[] => [
  { name: 'fine', version: '1.0.0', files: { 'index.js': 'exports.answer = 42;' } },
  { name: 'fine', version: '1.2.0', files: { 'index.js': 'exports.answer = 43;' } },
  {
    name: 'with-scripts',
    version: '1.0.0',
    manifest: {
      scripts: { ...script('preinstall'), ...script('install'), ...script('postinstall'), ...script('prepare') },
    },
    files: { 'index.js': '1', 'binding.gyp': '{"targets":[{"target_name":"x"}]}', '.npmrc': 'ignore-scripts=false' },
  },
  {
    name: 'wants-git',
    version: '1.0.0',
    manifest: { dependencies: { x: 'git+https://127.0.0.1:1/x.git' } },
    files: { 'index.js': '1' },
  },
  { name: 'wants-file', version: '1.0.0', manifest: { dependencies: { x: 'file:/etc' } }, files: { 'index.js': '1' } },
  {
    name: 'wants-remote',
    version: '1.0.0',
    manifest: { dependencies: { x: 'http://127.0.0.1:1/x.tgz' } },
    files: { 'index.js': '1' },
  },
  {
    name: 'reads-out',
    version: '1.0.0',
    files: { 'index.js': 'import x from "../../../../secret.json"; export default x' },
  },
  {
    name: 'reads-passwd',
    version: '1.0.0',
    files: { 'index.js': 'import x from "/etc/passwd" with { type: "text" }; export { x }' },
  },
  {
    name: 'reads-text',
    version: '1.0.0',
    files: { 'index.js': 'import x from "./a.js" with { type: "text" }; export { x }', 'a.js': '' },
  },
  { name: 'reads-data', version: '1.0.0', files: { 'index.js': 'export * from "data:text/javascript,1"' } },
  { name: 'reads-url', version: '1.0.0', files: { 'index.js': 'export * from "https://127.0.0.1/x.js"' } },
  { name: 'needs-fs', version: '1.0.0', files: { 'index.js': 'exports.x = require("fs")' } },
  { name: 'large', version: '1.0.0', files: { 'index.js': `"${'x'.repeat(3_000_000)}"` } },
  {
    name: 'needs-fine',
    version: '1.0.0',
    manifest: { dependencies: { fine: '^1.0.0' } },
    files: { 'index.js': 'exports.f = require("fine")' },
  },
];

beforeAll(async () => {
  packages = await tempDir();
  registry = await startRegistry(packages.path, hostile());
});
afterAll(async () => {
  await registry.stop();
  await packages.remove();
});
beforeEach(async () => {
  dir = await tempDir();
  bundler = create();
  registry.requests.length = 0;
});
afterEach(async () => {
  await bundler.close();
  await dir.remove();
});

function create(options: Partial<BundlerOptions> = {}): Bundler {
  const npm = { registry: registry.url };
  return createBundler({ workDir: `${dir.path}/work`, cacheDir: `${dir.path}/cache`, npm, ...options });
}

const compile = (source: string, dependencies: Record<string, string>, by = bundler) =>
  by.compile({ kind: 'source', policy: 'a.b.c', source, dependencies });

const importing = (name: string) => compile(`import * as x from "${name}"; warn(x);`, { [name]: '1.0.0' });

const trees = async () => await readdir(`${dir.path}/cache/trees`).catch(() => []);

describe('dependencies', () => {
  it('are evaluated in front of the policy', async () => {
    const reply = await compile('import { answer } from "fine";\nwarn(answer);', { fine: '^1.0.0' });
    if (!reply.ok) throw new Error(reply.message);
    const { script, preludeLength } = reply.bundle;
    const warnings: unknown[] = [];
    new Function('warn', script)((text: unknown) => warnings.push(text));
    expect(warnings).toEqual([43]);
    expect(script.slice(0, preludeLength)).toMatch(/^"use strict";var __jspolicyModules=|^var __jspolicyModules=/);
    expect(script.slice(preludeLength)).toMatch(/^\(function \(\) \{ "use strict"; const answer = /);
    expect(JSON.parse(reply.lockfile ?? '')).toMatchObject({ packages: { 'node_modules/fine': { version: '1.2.0' } } });
    expect(reply.lockfile).not.toContain('127.0.0.1');
  });

  it('a second build starts no npm, in this process or another', async () => {
    const first = await compile('import "fine";', { fine: '1.0.0' });
    expect(first).toMatchObject({ ok: true });
    const asked = registry.requests.length;
    const other = create({ npm: { registry: 'http://127.0.0.1:1' } });
    expect(await compile('import "fine";', { fine: '1.0.0' }, other)).toEqual(first);
    await other.close();
    expect(registry.requests).toHaveLength(asked);
  });

  it('two builds at once share one installation', async () => {
    const both = await Promise.all([
      compile('import "fine";', { fine: '1.0.0' }),
      compile('require("fine");', { fine: '1.0.0' }),
    ]);
    expect(both).toMatchObject([{ ok: true }, { ok: true }]);
    expect(registry.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
  });

  it('two processes at once do not disturb each other', async () => {
    const other = create();
    const [first, second] = await Promise.all([
      compile('import "fine";', { fine: '1.0.0' }),
      compile('import "fine";', { fine: '1.0.0' }, other),
    ]);
    await other.close();
    expect(first).toMatchObject({ ok: true });
    expect(second).toEqual(first);
    expect(await trees()).toHaveLength(1);
  });

  it('give the same bytes wherever they are built', async () => {
    const elsewhere = await tempDir();
    const other = create({ workDir: `${elsewhere.path}/a/b/work`, cacheDir: `${elsewhere.path}/a/cache` });
    const source = 'import { f } from "needs-fine"; const g = require("fine"); warn(f.answer + g.answer);';
    const dependencies = { 'needs-fine': '1.0.0', fine: '1.0.0' };
    const [first, second] = [await compile(source, dependencies), await compile(source, dependencies, other)];
    await other.close();
    await elsewhere.remove();
    expect(first).toMatchObject({ ok: true });
    expect(second).toEqual(first);
  });

  it('that came by chance are told', async () => {
    expect(await compile('require("fine")', { 'needs-fine': '1.0.0' })).toMatchObject({
      ok: true,
      warnings: [{ text: '"fine" is not in spec.dependencies: it is there only because another package needs it' }],
    });
  });

  it('of which a name is missing are told at the import', async () => {
    const reply = await compile('allow;\nimport { nothing } from "reads-text-not";', { fine: '1.0.0' });
    expect(reply).toMatchObject({
      ok: false,
      message: expect.stringContaining('javascript:2:25: "reads-text-not" is not in'),
    });
  });
});

describe('dependencies that do harm', () => {
  it('run no script', async () => {
    expect(await importing('with-scripts')).toMatchObject({ ok: true });
    await expect(access(canary())).rejects.toThrow('ENOENT');
  });

  it.each(['wants-git', 'wants-file', 'wants-remote'])('%s is refused', async (name) => {
    expect(await importing(name)).toMatchObject({
      ok: false,
      fault: 'author',
      message: expect.stringMatching(/^error installing dependencies: /),
    });
    expect(await trees()).toEqual([]);
  });

  const CONFINED: [name: string, text: string][] = [
    ['reads-out', 'outside of the installed packages'],
    ['reads-passwd', '"/etc/passwd" cannot be imported by a package'],
    ['reads-text', 'with { type: "text" } is not possible'],
    ['reads-data', '"data:text/javascript,1" cannot be imported by a package'],
    ['reads-url', '"https://127.0.0.1/x.js" cannot be imported by a package'],
    ['needs-fs', '"fs" is a module of Node'],
  ];
  it.each(CONFINED)('%s puts nothing into the bundle', async (name, text) => {
    await mkdir(`${dir.path}/cache`, { recursive: true });
    await writeFile(`${dir.path}/cache/secret.json`, '"hunter2"');
    const reply = await importing(name);
    expect(reply).toMatchObject({ ok: false, fault: 'author', message: expect.stringContaining(text) });
    expect(JSON.stringify(reply)).not.toContain('hunter2');
    expect(JSON.stringify(reply)).not.toContain(dir.path);
  });

  it('what cannot be bundled is told at the import that leads there', async () => {
    const reply = await compile('// one\nimport "fine";\nimport * as x from "needs-fs";', {
      fine: '1.0.0',
      'needs-fs': '1.0.0',
    });
    const told = /javascript:3:\d+: .* \(in node_modules\/needs-fs\/index\.js:1:21\)\n {2}3 \| import/;
    expect(reply).toMatchObject({ ok: false, message: expect.stringMatching(told) });
  });

  it('a link in a package leads nowhere', async () => {
    await compile('import "fine"', { fine: '1.0.0' });
    const [tree] = await trees();
    await writeFile(`${dir.path}/secret.js`, 'exports.x = "hunter2"');
    await symlink(`${dir.path}/secret.js`, `${dir.path}/cache/trees/${tree}/node_modules/fine/link.js`);
    expect(await compile('import "fine/link.js"', { fine: '1.0.0' })).toMatchObject({
      ok: false,
      message: expect.stringContaining('"secret.js" is outside of the installed packages'),
    });
  });

  it('are bounded in size', async () => {
    const small = create({ limits: { maxInstallBytes: 1_000_000 } });
    expect(await compile('import "large"', { large: '1.0.0' }, small)).toMatchObject({
      ok: false,
      fault: 'author',
      message: expect.stringContaining('the packages are larger than 1 MiB'),
    });
    await small.close();
    expect(await trees()).toEqual([]);
  });

  const REFUSED: [what: string, name: string, range: string][] = [
    ['../x@1', '../x', '1'],
    ['@a/../../b@1', '@a/../../b', '1'],
    ['@1', '', '1'],
    ['-g@1', '-g', '1'],
    ['a;rm -rf@1', 'a;rm -rf', '1'],
    ['--registry=x@1', '--registry=x', '1'],
    ['a newline b@1', 'a\nb', '1'],
    ['a long name', 'x'.repeat(10_000), '1'],
    ['fine@file:/etc', 'fine', 'file:/etc'],
    ['fine@http://127.0.0.1/x.tgz', 'fine', 'http://127.0.0.1/x.tgz'],
    ['fine@git+ssh://x', 'fine', 'git+ssh://x'],
    ['fine@npm:evil@1', 'fine', 'npm:evil@1'],
    ['fine@user/repository', 'fine', 'user/repository'],
    ['fine@latest', 'fine', 'latest'],
    ['fine@1;rm', 'fine', '1;rm'],
    ['a long range', 'fine', '1 '.repeat(10_000)],
  ];
  it.each(REFUSED)('%s is refused before npm sees it', async (_, name, range) => {
    expect(await compile('allow()', { [name]: range })).toMatchObject({
      ok: false,
      fault: 'author',
      message: expect.stringMatching(/^error installing dependencies: ".{0,600}$/s),
    });
    expect(registry.requests).toEqual([]);
  });
});

describe('an installation that fails', () => {
  it("for a version that does not exist is the author's", async () => {
    expect(await compile('import "fine"', { fine: '99.99.99' })).toMatchObject({
      ok: false,
      fault: 'author',
      message: 'error installing dependencies: npm error ETARGET No matching version found for fine@99.99.99.',
    });
  });

  it("for a package that does not exist is the author's", async () => {
    expect(await importing('nowhere')).toMatchObject({
      ok: false,
      fault: 'author',
      message: expect.stringContaining('E404'),
    });
  });

  it("for a registry that is down is the platform's, and leaves nothing", async () => {
    const down = create({ npm: { registry: 'http://127.0.0.1:1' } });
    expect(await compile('import "fine"', { fine: '1.0.0' }, down)).toMatchObject({
      ok: false,
      fault: 'platform',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await down.close();
    expect(await trees()).toEqual([]);
    expect(await readdir(`${dir.path}/cache/incoming`)).toEqual([]);
    expect(await readdir(`${dir.path}/work/homes`)).toEqual([]);
    expect(await compile('import "fine"', { fine: '1.0.0' })).toMatchObject({ ok: true });
  });

  it("for a registry that hangs is the platform's", async () => {
    const impatient = create({ limits: { installTimeoutMs: 2000 } });
    expect(await compile('import "hangs"', { hangs: '1.0.0' }, impatient)).toMatchObject({
      ok: false,
      fault: 'platform',
      message: 'error installing dependencies: npm took longer than 2 s',
    });
    await impatient.close();
  });
});

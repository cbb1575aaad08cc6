import { createContext, runInContext } from 'node:vm';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const SOURCE = 'export function check(name: string) { warn("seen " + name) }\ncheck(request.name)';

async function esbuildMade(options: BuildOptions): Promise<string> {
  const stdin = { contents: SOURCE, loader: 'ts' as const };
  const { outputFiles } = await build({ stdin, bundle: true, write: false, ...options });
  return outputFiles?.[0]?.text ?? '';
}

/** As webpack writes them: modules by id, a cache, a runtime that requires them, an entry; and its library form. */
const WEBPACK = `(() => {
  var __webpack_modules__ = ({
    "./check.js": ((module) => { module.exports = (name) => warn("seen " + name); }),
    "./index.js": ((__unused, __webpack_exports__, __webpack_require__) => {
      "use strict";
      __webpack_require__.r(__webpack_exports__);
      __webpack_require__("./check.js")(request.name);
    })
  });
  var __webpack_module_cache__ = {};
  function __webpack_require__(id) {
    var cached = __webpack_module_cache__[id];
    if (cached !== undefined) return cached.exports;
    var module = __webpack_module_cache__[id] = { exports: {} };
    __webpack_modules__[id](module, module.exports, __webpack_require__);
    return module.exports;
  }
  __webpack_require__.r = (exports) => {
    if (typeof Symbol !== "undefined" && Symbol.toStringTag) Object.defineProperty(exports, Symbol.toStringTag, { value: "Module" });
    Object.defineProperty(exports, "__esModule", { value: true });
  };
  var __webpack_exports__ = __webpack_require__("./index.js");
  var target = exports;
  for (var key in __webpack_exports__) target[key] = __webpack_exports__[key];
  if (__webpack_exports__.__esModule) Object.defineProperty(target, "__esModule", { value: true });
})();
//# sourceMappingURL=main.js.map`;
const WEBPACK_EVAL = `(()=>{var m={7:()=>{eval('warn("seen " + request.name);\\n\\n//# sourceURL=webpack:///./index.js?')}};m[7]()})();`;

test.each<[string, () => Promise<string> | string]>([
  ['esbuild, iife', () => esbuildMade({ format: 'iife' })],
  ['esbuild, iife, minified', () => esbuildMade({ format: 'iife', minify: true })],
  ['esbuild, iife with a global name', () => esbuildMade({ format: 'iife', globalName: 'policy' })],
  ['esbuild, cjs', () => esbuildMade({ format: 'cjs' })],
  ['esbuild, with a source map in it', () => esbuildMade({ format: 'iife', sourcemap: 'inline' })],
  ['webpack', () => WEBPACK],
  ['webpack, with eval', () => WEBPACK_EVAL],
])('a bundle made by %s runs unchanged', async (_what, make) => {
  const script = await make();
  const reply = await bundler.compile({ kind: 'precompiled', policy: 'a.b.c', script });
  expect(reply).toMatchObject({ ok: true, bundle: { script, form: 'script' } });
  const warnings: unknown[] = [];
  const globals = { warn: (text: unknown) => warnings.push(text), request: { name: 'web' }, exports: {}, module: {} };
  runInContext(script, createContext(globals));
  expect(warnings).toEqual(['seen web']);
});

test('JSON of a package is a module', async () => {
  const source =
    'import { version } from "is-number/package.json" with { type: "json" }; import all from "is-number/package.json"; const again = require("is-number/package.json"); warn([version, all.name, again.name].join())';
  const reply = await bundler.compile({
    kind: 'source',
    policy: 'a.b.c',
    source,
    dependencies: { 'is-number': '7.0.0' },
  });
  if (!reply.ok) throw new Error(reply.message);
  const warnings: unknown[] = [];
  runInContext(reply.bundle.script, createContext({ warn: (text: unknown) => warnings.push(text) }));
  expect(warnings).toEqual(['7.0.0,is-number,is-number']);
});

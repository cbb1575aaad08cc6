import { homedir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundler, createBundler } from './bundler.ts';
import { HOST_CALLS } from './host-calls.ts';

let work: TempDir;
let bundler: Bundler;
beforeAll(async () => {
  work = await tempDir();
  // The user's own registry is asked once for each; later runs find them here.
  bundler = createBundler({ workDir: work.path, cacheDir: join(homedir(), '.cache', 'jspolicy', 'test-packages') });
});
afterAll(async () => {
  await bundler.close();
  await work.remove();
});

interface Case {
  dependencies: Record<string, string>;
  source: string;
  warning: unknown;
  isolation?: 'kept' | 'request';
  hostCalls?: readonly string[];
}

const CASES: Case[] = [
  {
    dependencies: { lodash: '4.17.21' },
    source: 'import _ from "lodash";\nwarn(_.upperFirst("forbidden"));',
    warning: 'Forbidden',
    hostCalls: HOST_CALLS,
  },
  {
    dependencies: { lodash: '4.17.21' },
    source: 'const _ = require("lodash");\nwarn(_.join(_.map([1, 2, 3], x => x * 2), "-"));',
    warning: '2-4-6',
    hostCalls: HOST_CALLS,
  },
  {
    dependencies: { lodash: '4.17.21' },
    source: 'const _ = require("lodash");\nwarn(_.template("<%= 1 %>")());',
    warning: '1',
    isolation: 'request',
    hostCalls: HOST_CALLS,
  },
  {
    dependencies: { semver: '7.6.0' },
    source:
      'import {satisfies, coerce} from "semver";\nif (!satisfies(coerce("nginx:1.25"), ">=2")) warn(coerce("nginx:1.25").version);',
    warning: '1.25.0',
  },
  {
    dependencies: { yaml: '2.4.1' },
    source: 'import YAML from "yaml";\nwarn(JSON.stringify(YAML.parse("a: [1, 2]\\nb: {c: 1.5}")));',
    warning: '{"a":[1,2],"b":{"c":1.5}}',
  },
  {
    dependencies: { 'js-yaml': '4.1.0' },
    source: 'import yaml from "js-yaml";\nwarn(yaml.load("a: 1").a);',
    warning: 1,
  },
  { dependencies: { ms: '2.1.3' }, source: 'import ms from "ms"; warn(ms("1d"))', warning: 86_400_000 },
  {
    dependencies: { minimatch: '9.0.5' },
    source: 'import { minimatch } from "minimatch"; warn(minimatch("a/b", "a/*"))',
    warning: true,
  },
  {
    dependencies: { 'is-number': '7.0.0' },
    source: 'import("is-number").then((m) => warn(m.default("5")))',
    warning: true,
    isolation: 'request',
  },
  {
    // The types that jsPolicy publishes for policies in TypeScript.
    dependencies: { '@jspolicy/types': '0.0.4' },
    source:
      'import "@jspolicy/types";\nimport type {V1AdmissionRequest} from "@jspolicy/types";\nconst seen = {name: "a"} as V1AdmissionRequest;\nwarn(seen.name);',
    warning: 'a',
  },
  {
    dependencies: { 'is-number': '7.0.0' },
    source: 'warn("dependency not imported");',
    warning: 'dependency not imported',
  },
];

describe('packages that policies use', () => {
  it.each(CASES)(
    '$dependencies: $source',
    async ({ dependencies, source, warning, isolation = 'kept', hostCalls = [] }) => {
      const reply = await bundler.compile({ kind: 'source', policy: 'a.b.c', source, dependencies });
      if (!reply.ok) throw new Error(reply.message);
      expect(reply.bundle).toMatchObject({ isolation, hostCalls });
      const warnings: unknown[] = [];
      runInContext(reply.bundle.script, createContext({ warn: (text: unknown) => warnings.push(text) }));
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([warning]);
    },
  );

  it('a name that a package does not export is told at the import', async () => {
    const source = 'import yaml, { nothing } from "js-yaml";\nnothing(yaml);';
    const reply = await bundler.compile({
      kind: 'source',
      policy: 'a.b.c',
      source,
      dependencies: { 'js-yaml': '4.1.0' },
    });
    expect(reply).toMatchObject({
      ok: false,
      diagnostics: [{ line: 1, column: 16, text: expect.stringContaining('No matching export') }],
    });
  });
});

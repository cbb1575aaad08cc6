import { type Bundler, createBundler } from '@jspolicy/bundler';
import { createSandboxPool, type Sandbox } from '@jspolicy/sandbox';
import { admissionReview, pod, type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

let dir: TempDir;
let bundler: Bundler;
let sandbox: Sandbox;
beforeAll(async () => {
  dir = await tempDir();
  bundler = createBundler({ workDir: `${dir.path}/work`, cacheDir: `${dir.path}/cache` });
  sandbox = createSandboxPool({ processes: 1 });
});
afterAll(async () => {
  await sandbox.stop();
  await bundler.close();
  await dir.remove();
});

const review = Buffer.from(JSON.stringify(admissionReview({ object: pod() })));

/** The text of the failure, from the source through the compiler and the sandbox. */
async function failureOf(source: string, fresh: boolean): Promise<string> {
  const reply = await bundler.compile({ kind: 'source', policy: 'a.b.c', source, dependencies: {} });
  if (!reply.ok) throw new Error(reply.message);
  await sandbox.load(reply.bundle);
  const { digest } = reply.bundle;
  const host = { call: async () => undefined, print: () => undefined };
  const asked = { policy: 'a.b.c', type: 'Validating', digest, review, limitMs: 120_000, fresh, host } as const;
  const result = await sandbox.evaluate(asked);
  if (result.kind !== 'failed') throw new Error(`it did not fail: ${result.kind}`);
  return result.failure.message;
}

/**
 * The call of the function around the author's text ends each stack, as that of the module around it does with jsPolicy:
 * users, and whoever reads such texts by their lines, have as many as before.
 */
test.each<[source: string, lines: RegExp[]]>([
  ['throw new Error("x")', [/^Uncaught Error: x$/, /^ {4}at a\.b\.c:1:7$/, /^ {4}at a\.b\.c:\d+:\d+$/]],
  [
    'const f = () => {\n  null.x\n};\nf()',
    [/^Uncaught TypeError: /, /^ {4}at f \(a\.b\.c:2:8\)$/, /^ {4}at a\.b\.c:4:1$/, /^ {4}at a\.b\.c:\d+:\d+$/],
  ],
  [
    'export const x = 1;\nleaked = 5',
    [/^Uncaught ReferenceError: leaked is not defined$/, /^ {4}at a\.b\.c:2:8$/, /^ {4}at a\.b\.c:\d+:\d+$/],
  ],
  ['throw "text"', [/^text$/]],
])('%j', async (source, wanted) => {
  for (const fresh of [false, true]) {
    const lines = (await failureOf(source, fresh)).split('\n');
    expect(lines).toEqual(wanted.map((line) => expect.stringMatching(line)));
  }
});

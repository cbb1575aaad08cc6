import { spawn } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { admissionReview, pod, type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { jspolicy } from './cli-process.test-part.ts';
import { ROOT } from './places.ts';

let dir: TempDir;
let reviewFile: string;

beforeAll(async () => {
  dir = await tempDir();
  reviewFile = join(dir.path, 'review.json');
  await writeFile(reviewFile, JSON.stringify(admissionReview({ object: pod() })));
});
afterAll(() => dir.remove());

let files = 0;

async function policy(javascript: string, spec: Record<string, unknown> = {}): Promise<string> {
  const number = ++files;
  const file = join(dir.path, `policy-${number}.json`);
  const metadata = { name: `p${number}.test.example.com` };
  const whole = { operations: ['CREATE'], resources: ['pods'], javascript, ...spec };
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'policy.jspolicy.com/v1beta1', kind: 'JsPolicy', metadata, spec: whole }),
  );
  return file;
}

const review = (policies: string[], ...more: string[]) =>
  jspolicy(['review', '-f', ...policies, '-r', reviewFile, ...more]);

/** A slow machine has some. */
const withoutProgress = (stderr: string) => stderr.replaceAll(/^compiling and judging .*\n/gm, '').trim();

test('a policy that throws could not be evaluated', async () => {
  const file = await policy('throw new Error("no")');
  const { code, stdout } = await review([file]);
  expect(code).toBe(2);
  // The author's own place.
  expect(stdout).toMatch(/^failed, so denied, by (p\d+\.test\.example\.com): Uncaught Error: no\n {4}at \1:1:7\n/);
  const { code: ignored, stdout: text } = await review([await policy('throw 1', { failurePolicy: 'Ignore' })]);
  expect(ignored).toBe(2);
  expect(text).toMatch(/^ignored, because failurePolicy is Ignore: p\d+\.test\.example\.com failed: 1$/m);
});

test('one that does not end is stopped', async () => {
  const { code, stdout } = await review([await policy('for (;;);')], '--timeout', '300');
  expect(code).toBe(2);
  expect(stdout).toMatch(/script p\d+\.test\.example\.com timed out/);
});

test('mutating policies come first, and each sees what the ones before it made', async () => {
  const label = (name: string) =>
    `request.object.metadata.labels = {...request.object.metadata.labels, ${name}: 'x'}; mutate(request.object)`;
  const validating = await policy('print(Object.keys(request.object.metadata.labels)); deny("seen")');
  const first = await policy(label('a'), { type: 'Mutating' });
  const second = await policy(label('b'), { type: 'Mutating' });
  const { code, stderr, stdout } = await review([validating, first, second]);
  expect(code).toBe(1);
  expect(stderr).toContain('["a","b"]');
  expect(stdout.match(/^(allowed|denied) by \S+/gm)).toHaveLength(3);
});

test('mutate() of a policy that changes nothing is told', async () => {
  const source = 'request.object.metadata.labels = {a: "b"}; mutate(request.object)';
  const { code, stderr, stdout } = await review([await policy(source)]);
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('patch of')]);
  expect(stderr).toContain('mutate() has no effect, only policies with spec.type Mutating change objects');
  expect((await review([await policy(source, { type: 'Mutating' })])).stderr).not.toContain('no effect');
  expect((await review([await policy('mutate(request.object)')])).stderr).not.toContain('no effect');
});

test('-o yaml, an object from standard input', async () => {
  const file = await policy('warn("careful"); deny(request.namespace + " " + request.resource.resource)');
  const ended = await jspolicy(['review', '-f', file, '-r', '-', '-o', 'yaml'], {
    stdin: 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}]}\n',
  });
  expect(ended.code).toBe(1);
  expect(parse(ended.stdout)).toMatchObject({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    response: { allowed: false, status: { message: 'default pods' }, warnings: [expect.stringMatching(/careful$/)] },
  });
});

test.each([
  ['[1', /review:1:3: /],
  ['kind: AdmissionReview\napiVersion: admission.k8s.io/v1\n', /request.uid is required/],
  ['kind: AdmissionReview\napiVersion: v9\n', /apiVersion must be admission.k8s.io\/v1 or/],
  ['kind: Pod\napiVersion: v1\n', /review:1:1: metadata.name is required/],
  ['kind: Pod\napiVersion: v1\n---\nkind: Pod\n', /review:3:1: one object is expected, and a second document begins/],
  ['42', /an AdmissionReview, or an object of a cluster, is expected/],
])('bad input %j', async (content, message) => {
  const file = join(dir.path, 'review');
  await writeFile(file, content);
  const ended = await jspolicy(['review', '-f', await policy('allow()'), '-r', file]);
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
});

test('a policy that does not compile is told with its place', async () => {
  const file = join(dir.path, 'broken.yaml');
  await writeFile(
    file,
    'apiVersion: policy.jspolicy.com/v1beta1\nkind: JsPolicy\nmetadata: {name: a.b.c}\nspec:\n  operations: [CREATE]\n' +
      '  resources: [pods]\n  javascript: |\n    const a = 1;\n    if (a ==) deny();\n',
  );
  const told = { code: 2, stdout: '', stderr: expect.stringMatching(/broken\.yaml:9:13: error bundling javascript: /) };
  expect(await review([file])).toMatchObject(told);
  expect(await jspolicy(['bundle', '-f', file])).toMatchObject(told);
});

test('bundle tells of each policy that does not compile, and of the others', async () => {
  const broken = [await policy('if (a ==) deny()'), await policy("import 'nowhere'")];
  const ended = await jspolicy(['bundle', '-f', broken[0] ?? '', await policy('sleep(1)'), broken[1] ?? '']);
  expect(ended).toMatchObject({ code: 2, stdout: expect.stringMatching(/^calls +sleep$/m) });
  expect(ended.stderr.match(/error bundling javascript: /g)).toHaveLength(2);
});

test('bundle tells what came out', async () => {
  const { code, stdout } = await jspolicy(['bundle', '-f', await policy('list("Pod", "v1"); sleep(1)'), '--explain']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^digest +[0-9a-f]{64}$/m);
  expect(stdout).toMatch(/^isolation +kept$/m);
  expect(stdout).toMatch(/^calls +list, sleep$/m);
  const json = await jspolicy(['bundle', '-f', await policy('sleep(1)'), '-o', 'json']);
  expect(JSON.parse(json.stdout)).toEqual([
    expect.objectContaining({ digest: expect.stringMatching(/^[0-9a-f]{64}$/), isolation: 'kept', calls: ['sleep'] }),
  ]);
});

test('the same file twice, by whatever path, is one file', async () => {
  const file = await policy('deny("once")');
  const { stdout } = await review([file, join(dir.path, '..', relative(dirname(dir.path), file)), file]);
  expect(stdout.match(/denied by/g)).toHaveLength(1);
});

test('AdmissionReviews beside policies are left out, with one line', async () => {
  const folder = join(dir.path, 'folder');
  await mkdir(folder, { recursive: true });
  await copyFile(await policy('allow()'), join(folder, 'policy.json'));
  await copyFile(reviewFile, join(folder, 'review.json'));
  const { code, stderr } = await review([folder]);
  expect(code).toBe(0);
  expect(withoutProgress(stderr)).toMatch(
    /^\S+\/review\.json: an AdmissionReview is no object of a cluster, it is skipped .*$/,
  );
});

test('paths that cannot be read are told in words', async () => {
  const file = await policy('allow()');
  const refused = async (...args: string[]) => (await jspolicy(['review', ...args])).stderr.trim();
  expect(await refused('-f', file, '-r', dir.path)).toBe(
    `--review: ${dir.path} is a directory, and a file is expected`,
  );
  expect(await refused('-f', file, '-r', '/no/such')).toBe('--review: /no/such does not exist');
  expect(await refused('-f', '/no/such', '-r', reviewFile)).toBe('/no/such does not exist');
  expect(await refused('-f', `${file}/x`, '-r', reviewFile)).toBe(
    `${file}/x does not exist: a part of it is no directory`,
  );
});

test('an unknown option and all that is missing are told together', async () => {
  const { code, stderr } = await jspolicy(['review', '--polices', 'x']);
  expect(code).toBe(2);
  expect(stderr).toContain("error: unknown option '--polices'");
  expect(stderr).toContain("error: required option '-f, --filename <file...>' not specified");
  expect(stderr).toContain("error: required option '-r, --review <file>' not specified");
  expect(await jspolicy(['bundle'])).toMatchObject({ code: 2, stderr: expect.stringContaining('-f, --filename') });
});

test('a review in JSON is told in the words of JSON', async () => {
  const file = join(dir.path, 'broken-review.json');
  await writeFile(file, '{\n  "kind": "AdmissionReview"\n  "request": {}\n}\n');
  const { code, stderr } = await jspolicy(['review', '-f', await policy('allow()'), '-r', file]);
  expect({ code, stderr: stderr.trim() }).toEqual({
    code: 2,
    stderr: `${file}:3:3: no JSON: ',' or '}' after the value is expected here`,
  });
});

test('a grant that is missing is named', async () => {
  const { stdout } = await review([await policy('fetchSync("https://example.com")')]);
  expect(stdout).toContain('example.com:443 is not granted: see FETCH_HOSTS of the evaluator');
  const file = await review([await policy('readFileSync("/etc/hostname")')]);
  expect(file.stdout).toContain('readFileSync("/etc/hostname") is not granted: see FILES_DIR of the evaluator');
});

test('what a policy would write is answered, told, and not done', async () => {
  const config = `{apiVersion: "v1", kind: "ConfigMap", metadata: {name: "c", namespace: "default"}}`;
  const code = `warn(String(create(${config}).ok)); warn(String(get("ConfigMap", "v1", "default/c"))); remove(${config})`;
  const { code: exit, stdout, stderr } = await review([await policy(code)]);
  expect(exit).toBe(0);
  expect(stdout).toMatch(/Warning: \[\S+\]: true\nWarning: \[\S+\]: undefined\n/);
  expect(stderr).toContain('nothing is written offline: create() of ConfigMap default/c would be done');
  expect(stderr).toContain('remove() of ConfigMap default/c would be refused: configmaps "c" not found');
});

test('a stack has no lines that the author did not write', async () => {
  const code = 'function f() {\n  throw new Error("x");\n}\nf();\n';
  for (const source of [code, `${code}export const a = 1;`]) {
    const { stdout } = await review([await policy(source)]);
    expect(stdout).toMatch(/: Uncaught Error: x\n {4}at f \(([^:]+):2:9\)\n {4}at \1:4:1\n$/);
  }
});

test('what violationPolicy Dry hides is told, and changes nothing', async () => {
  const hidden = async (javascript: string, spec = {}) => {
    const ended = await review([await policy(javascript, { violationPolicy: 'dry', ...spec })]);
    expect(ended.stdout).toMatch(/^allowed by \S+\n$/);
    return [ended.code, withoutProgress(ended.stderr).replace(/^\S+ /, '')];
  };
  expect(await hidden('deny("why")')).toEqual([0, 'violationPolicy Dry hides a denial: why']);
  expect(await hidden('throw 1')).toEqual([2, 'violationPolicy Dry hides a failure: 1']);
  const label = 'request.object.metadata.labels = {a: "b"}; mutate(request.object)';
  expect(await hidden(label, { type: 'Mutating' })).toEqual([
    0,
    expect.stringMatching(/Dry hides a patch of \d operations?$/),
  ]);
  expect(await hidden('allow()')).toEqual([0, '']);
});

test('a rule that covers nothing is told', async () => {
  const { code, stderr } = await review([await policy('deny()', { resources: ['pod'] })]);
  expect(code).toBe(0);
  expect(stderr).toContain('warning: spec.resources: pod covers nothing, the resource is named pods\n');
});

test('whoever reads only the first line does not hurt, and the exit code stays', async () => {
  const file = await policy('for (let i = 0; i < 100; i++) warn("w".repeat(4000)); deny("end")');
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const child = spawn(process.execPath, [
    join(ROOT, 'services/cli/bin/jspolicy.js'),
    'review',
    '-f',
    file,
    '-r',
    reviewFile,
  ]);
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  child.once('close', resolve);
  expect(await promise).toBe(1);
  expect(withoutProgress(stderr)).toBe('');
});

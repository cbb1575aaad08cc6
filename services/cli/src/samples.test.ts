import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { jspolicy } from './cli-process.test-part.ts';
import { readPolicyFiles } from './offline/policy-files.ts';
import { ROOT } from './places.ts';

const SAMPLES = join(ROOT, 'k8s/samples');
const REVIEWS = join(ROOT, 'k8s/reviews');

const review = (policies: string, file: string, ...more: string[]) =>
  jspolicy(['review', '-f', join(SAMPLES, policies), '-r', join(REVIEWS, file), ...more]);

const CASES: [policy: string, review: string, code: number, stdout: string][] = [
  [
    'no-default-namespace',
    'pod-in-default.json',
    1,
    'denied by no-default-namespace.samples.jspolicy.com: Pod web may not be created in the namespace default: choose one of your own',
  ],
  ['no-default-namespace', 'pod-in-shop.json', 0, 'allowed by no-default-namespace.samples.jspolicy.com'],
  [
    'allowed-registries',
    'deployment-changed-image.json',
    1,
    'denied by allowed-registries.samples.jspolicy.com: images must come from registry.example.com/ or mirror.example.com/library/, ' +
      'which these do not: web (images.example.org/web:2.0.0)',
  ],
  ['allowed-registries', 'pod-in-shop.json', 0, 'allowed by allowed-registries.samples.jspolicy.com'],
  [
    'no-latest-tag',
    'pod-latest.yaml',
    0,
    'Warning: [no-latest-tag.samples.jspolicy.com]: give these containers an image with a version: web\n' +
      'allowed by no-latest-tag.samples.jspolicy.com',
  ],
  ['no-latest-tag', 'pod-in-shop.json', 0, 'allowed by no-latest-tag.samples.jspolicy.com'],
  ['add-log-shipper', 'pod-in-shop.json', 0, 'allowed by add-log-shipper.samples.jspolicy.com'],
];

describe('policies that read no objects', () => {
  test.each(CASES)('%s, %s', async (policy, file, code, stdout) => {
    expect(await review(`${policy}.yaml`, file)).toMatchObject({ code, stdout: `${stdout}\n` });
  });
});

test('add-log-shipper adds what was asked for', async () => {
  const { code, stdout } = await review('add-log-shipper.yaml', 'pod-with-log-shipper.yaml', '-o', 'json');
  expect(code).toBe(0);
  const { response } = JSON.parse(stdout);
  const patch: { op: string; path: string; value: unknown }[] = JSON.parse(
    Buffer.from(response.patch, 'base64').toString(),
  );
  expect(patch.map(({ op, path }) => `${op} ${path}`).sort()).toEqual([
    'add /metadata/labels',
    'add /spec/containers/1',
    'add /spec/volumes',
  ]);
});

/** The whole folder: these read objects, or are chosen by the labels of a Namespace in it. */
describe('all samples together', () => {
  test.each<[string, number, string[]]>([
    ['ingress-own-host.yaml', 0, ['allowed by no-default-namespace', 'allowed by unique-ingress-host']],
    [
      'ingress-taken-host.yaml',
      1,
      [
        'denied by unique-ingress-host.samples.jspolicy.com: shop.example.com belongs to the Ingress web of the namespace shop',
      ],
    ],
    ['deployment-release.yaml', 0, ['allowed by release-version']],
    [
      'deployment-prerelease.yaml',
      1,
      ['denied by release-version.samples.jspolicy.com: 2.0.0-rc.1 is a prerelease, which does not go to production'],
    ],
    ['pod-with-log-shipper.yaml', 0, ['patch of add-log-shipper', 'allowed by allowed-registries']],
  ])('%s', async (file, code, lines) => {
    const ended = await review('.', file);
    expect(ended).toMatchObject({ code });
    for (const line of lines) expect(ended.stdout).toContain(line);
  });

  test('a policy that does not cover the request is skipped, and says why', async () => {
    const { stderr } = await review('.', 'pod-in-shop.json');
    expect(stderr).toContain(
      'release-version.samples.jspolicy.com skipped: spec.resources (deployments) does not cover pods',
    );
    expect(stderr).toContain(
      'unique-ingress-host.samples.jspolicy.com skipped: spec.apiGroups (networking.k8s.io) does not cover "", the core group',
    );
  });

  test('several answers are a List with the names of their policies', async () => {
    const { code, stdout } = await review('.', 'pod-in-default.json', '-o', 'json');
    const { kind, items } = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(kind).toBe('List');
    const denied = items.filter((item: { response: { allowed: boolean } }) => !item.response.allowed);
    expect(denied).toMatchObject([
      {
        kind: 'AdmissionReview',
        metadata: { name: 'no-default-namespace.samples.jspolicy.com' },
        response: { status: { code: 403 } },
      },
    ]);
  });
});

test('every sample has a comment, and a name of three parts or more', async () => {
  for (const name of readdirSync(SAMPLES)) expect(readFileSync(join(SAMPLES, name), 'utf8'), name).toMatch(/^# \S/);
  const { policies } = await readPolicyFiles([SAMPLES]);
  expect(policies).toHaveLength(6);
});

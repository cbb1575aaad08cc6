import { expect, test } from 'vitest';
import { versionWarning } from './kube-version.ts';

test.each(['v1.28.0', '1.35.4-eks-1', 'v2.0.0', 'unknown'])('%s is new enough, or not known', (version) => {
  expect(versionWarning(version)).toBeUndefined();
});

test.each(['v1.27.16', 'v1.9.0', '1.27+'])('%s is too old, and what follows is told', (version) => {
  expect(versionWarning(version)).toMatch(`Kubernetes ${version}, and 1.28 or newer is needed`);
});

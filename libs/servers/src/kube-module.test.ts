import { expect, test } from 'vitest';
import { replacements } from './kube-module.ts';

test('replaces what Kubernetes keeps in its own tree by what it publishes', () => {
  const goMod = `module k8s.io/kubernetes
replace k8s.io/one => ./staging/src/k8s.io/one
replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/streaming => ./staging/src/k8s.io/streaming
\tgithub.com/a/b => github.com/c/d v1.0.0
)
`;
  expect(replacements(goMod, '1.35.4')).toEqual([
    'replace k8s.io/one => k8s.io/one v0.35.4',
    'replace k8s.io/api => k8s.io/api v0.35.4',
    'replace k8s.io/streaming => k8s.io/streaming v0.35.4',
  ]);
});

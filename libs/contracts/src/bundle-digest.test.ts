import { expect, test } from 'vitest';
import { bundleDigest } from './bundle-digest.ts';

const bundle = {
  script: 'deny()',
  isolation: 'kept' as const,
  isolationReason: 'none',
  preludeLength: 0,
  form: 'function-body' as const,
  hostCalls: ['get'],
};

test('the same bundle has the same digest', () => {
  expect(bundleDigest({ ...bundle })).toBe(bundleDigest(bundle));
  expect(bundleDigest(bundle)).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  { script: 'deny() ' },
  { isolation: 'request' as const },
  { isolationReason: 'another' },
  { preludeLength: 5 },
  { form: 'script' as const },
  { authorStart: 0 },
  { hostCalls: [] },
])('with %j it is another one', (changed) => {
  expect(bundleDigest({ ...bundle, ...changed })).not.toBe(bundleDigest(bundle));
});

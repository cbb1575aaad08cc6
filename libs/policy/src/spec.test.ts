import { createHash } from 'node:crypto';
import type { Bundle, JsPolicy, JsPolicySpec } from '@jspolicy/contracts';
import { describe, expect, test } from 'vitest';
import { bundleHash, policyRecord } from './spec.ts';

const policy = (spec: Partial<JsPolicySpec> = {}): JsPolicy => ({
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: 'p.example.com', uid: 'u', generation: 4 },
  spec: { operations: ['CREATE'], resources: ['pods'], ...spec },
});

describe('policyRecord', () => {
  test('has every default', () => {
    expect(policyRecord(policy())).toEqual({
      schema: 1,
      name: 'p.example.com',
      uid: 'u',
      generation: 4,
      type: 'Validating',
      failurePolicy: 'Fail',
      violationPolicy: 'Deny',
      auditPolicy: 'Log',
      auditLogSize: 10,
      timeoutSeconds: 10,
      bundleError: 'missing',
    });
  });

  test('keeps what is given, and of a bundle all but the script', () => {
    const info = {
      digest: 'd',
      isolation: 'kept',
      isolationReason: '',
      preludeLength: 0,
      form: 'script',
      hostCalls: [],
    } as const;
    const bundle: Bundle = { ...info, hostCalls: [], script: 'allow()' };
    const spec = {
      type: 'Mutating',
      failurePolicy: 'Ignore',
      auditPolicy: 'Skip',
      auditLogSize: 40,
      timeoutSeconds: 1,
    } as const;
    const record = policyRecord(policy(spec), bundle);
    expect(record).toMatchObject({ ...spec, bundle: info });
    expect(record.bundle).not.toHaveProperty('script');
    expect(record).not.toHaveProperty('bundleError');
  });

  test.each([
    ['warn', 'Warn'],
    ['DRY', 'Dry'],
    ['deny', 'Deny'],
    ['', 'Deny'],
    ['other', 'Deny'],
  ])('violationPolicy %j is %s', (violationPolicy, expected) => {
    expect(policyRecord(policy({ type: '', violationPolicy }))).toMatchObject({
      type: 'Validating',
      violationPolicy: expected,
    });
  });
});

describe('bundleHash', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  test('of a policy without dependencies', () => {
    const json = String.raw`{"dependencies":null,"javascript":"if (1 \u003c 2 \u0026\u0026 a =\u003e a) deny(\"é\")\n"}`;
    expect(bundleHash({ javascript: 'if (1 < 2 && a => a) deny("é")\n' })).toBe(sha256(json));
    expect(bundleHash({ javascript: 'a', dependencies: {} })).toBe(bundleHash({ javascript: 'a' }));
  });

  test('the order of dependencies does not matter', () => {
    const json = '{"dependencies":{"@a/x":"1","b":"2"},"javascript":""}';
    expect(bundleHash({ dependencies: { b: '2', '@a/x': '1' } })).toBe(sha256(json));
  });
});

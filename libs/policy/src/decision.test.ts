import { describe, expect, test } from 'vitest';
import { decide, judgedCode } from './decision.ts';
import { record, verdict } from './records.fixture.ts';
import type { PolicyFailure } from './verdict.ts';

const denied = { kind: 'verdict', verdict: verdict({ deny: true, message: 'no', warnings: ['w'] }) } as const;
const failed = (message = 'script timed out'): { kind: 'failed'; failure: PolicyFailure } => ({
  kind: 'failed',
  failure: { cause: 'timeout', message },
});
const patch = [{ op: 'add' as const, path: '/x', value: 1 }];
const mutated = { kind: 'verdict', verdict: verdict({ warnings: ['w'], patch }) } as const;
const w = '[p.example.com]: w';

describe('a denial', () => {
  test('Deny: denied and recorded', () => {
    expect(decide({ record: record(), outcome: denied })).toEqual({
      kind: 'answer',
      allowed: false,
      code: 403,
      reason: 'Forbidden',
      message: 'no',
      warnings: [w],
      violation: { action: 'Deny', code: 403, reason: 'Forbidden', message: 'no' },
    });
  });

  test('Warn: allowed, the denial is the last warning', () => {
    expect(decide({ record: record({ violationPolicy: 'Warn' }), outcome: denied })).toEqual({
      kind: 'answer',
      allowed: true,
      code: 200,
      warnings: [w, '[p.example.com]: no'],
      violation: { action: 'Warn', code: 403, reason: 'Forbidden', message: 'no' },
    });
  });

  test('Dry: allowed, warn() is kept', () => {
    expect(decide({ record: record({ violationPolicy: 'Dry' }), outcome: denied })).toMatchObject({
      allowed: true,
      warnings: [w],
      violation: { action: 'Dry', code: 403 },
    });
  });

  test.each([
    [undefined, 403],
    [0, 403],
    [-5, 403],
    [200, 200],
    [418, 418],
    [4294967700, 404],
  ])('code %s becomes %i', (code, expected) => {
    const outcome = {
      kind: 'verdict' as const,
      verdict: verdict({ deny: true, ...(code === undefined ? {} : { code }) }),
    };
    expect(decide({ record: record(), outcome })).toMatchObject({ code: expected, violation: { code: expected } });
  });

  test('without a message: none in the answer, an empty one in the warning', () => {
    const outcome = { kind: 'verdict' as const, verdict: verdict({ deny: true, message: '' }) };
    expect(decide({ record: record(), outcome })).not.toHaveProperty('message');
    expect(decide({ record: record({ violationPolicy: 'Warn' }), outcome })).toMatchObject({
      warnings: ['[p.example.com]: '],
    });
  });

  test('auditPolicy Skip records none; type Controller is the action of its own', () => {
    expect(decide({ record: record({ auditPolicy: 'Skip' }), outcome: denied })).not.toHaveProperty('violation');
    const controller = decide({ record: record({ type: 'Controller' }), outcome: denied });
    expect(controller).toMatchObject({ allowed: false, violation: { action: 'Controller' } });
  });
});

describe('a policy that failed', () => {
  test('Fail: denied with code 500 and the text, recorded', () => {
    expect(decide({ record: record(), outcome: failed() })).toEqual({
      kind: 'answer',
      allowed: false,
      code: 500,
      message: 'script timed out',
      warnings: [],
      violation: { action: 'Deny', code: 500, message: 'script timed out' },
    });
  });

  test('Ignore: the API server gets an error, nothing is recorded', () => {
    expect(decide({ record: record({ failurePolicy: 'Ignore' }), outcome: failed() })).toEqual({
      kind: 'unanswered',
      status: 500,
      message: 'script timed out',
    });
  });

  test.each(['Fail', 'Ignore'] as const)('Warn and Dry never block, failurePolicy %s', (failurePolicy) => {
    const warn = decide({ record: record({ failurePolicy, violationPolicy: 'Warn' }), outcome: failed() });
    expect(warn).toMatchObject({
      allowed: true,
      warnings: ['[p.example.com]: script timed out'],
      violation: { action: 'Warn' },
    });
    const dry = decide({ record: record({ failurePolicy, violationPolicy: 'Dry' }), outcome: failed() });
    expect(dry).toMatchObject({ allowed: true, warnings: [], violation: { action: 'Dry', code: 500 } });
  });
});

describe('an allowed request', () => {
  test('is no violation', () => {
    const outcome = { kind: 'verdict' as const, verdict: verdict() };
    expect(decide({ record: record(), outcome })).toEqual({ kind: 'answer', allowed: true, code: 200, warnings: [] });
  });

  test.each([
    ['Mutating', 'Deny', true],
    ['Mutating', 'Warn', true],
    ['Mutating', 'Dry', false],
    ['Validating', 'Deny', false],
  ] as const)('%s with %s: patch %s', (type, violationPolicy, patches) => {
    const decision = decide({ record: record({ type, violationPolicy }), outcome: mutated });
    expect(decision).toMatchObject({ allowed: true, warnings: [w] });
    expect('patch' in decision).toBe(patches);
  });

  test('an empty patch is none', () => {
    const outcome = { kind: 'verdict' as const, verdict: verdict({ patch: [] }) };
    expect(decide({ record: record({ type: 'Mutating' }), outcome })).not.toHaveProperty('patch');
  });
});

test.each([
  [denied, 403],
  [{ kind: 'verdict', verdict: verdict({ deny: true, code: 418 }) } as const, 418],
  [mutated, 200],
  [failed(), 500],
])('the code by which metrics count is the policy’s own', (outcome, code) => {
  expect(judgedCode(outcome)).toBe(code);
});

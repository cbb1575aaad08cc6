import { describe, expect, test } from 'vitest';
import { type EngineLease, precedenceOver, WorkingEngines } from './working-engines.ts';

const lease = (
  namespace: string,
  renewTime: string,
  holderIdentity = 'somebody',
  creationTimestamp = '2026',
): EngineLease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'jspolicy-controller', namespace, creationTimestamp },
  spec: { holderIdentity, renewTime },
});

describe('an engine works', () => {
  test('while its Lease is renewed, and for 30 s after that', () => {
    const engines = new WorkingEngines();
    expect(engines.see([lease('a', '1')], 0)).toHaveLength(1);
    expect(engines.see([lease('a', '2')], 20_000)).toHaveLength(1);
    expect(engines.see([lease('a', '2')], 49_000)).toHaveLength(1);
    expect(engines.see([lease('a', '2')], 50_000)).toEqual([]);
    expect(engines.see([lease('a', '3')], 60_000)).toHaveLength(1);
  });

  test('while its leader changes', () => {
    const engines = new WorkingEngines();
    engines.see([lease('a', '1')], 0);
    expect(engines.see([lease('a', '2', '')], 5_000)).toHaveLength(1);
    expect(engines.see([lease('a', '2', '')], 30_000)).toEqual([]);
  });

  test('not when its Lease was given back before, nor when it is gone', () => {
    const engines = new WorkingEngines();
    expect(engines.see([lease('a', '1', '')], 0)).toEqual([]);
    engines.see([lease('b', '1')], 0);
    expect(engines.see([], 1_000)).toEqual([]);
  });

  test('by its own doing, when its Lease was seen to be renewed', () => {
    const engines = new WorkingEngines();
    engines.see([lease('a', '1')], 0);
    expect(engines.isRenewed('a', 1_000)).toBe(false);
    engines.see([lease('a', '2')], 2_000);
    expect(engines.isRenewed('a', 31_000)).toBe(true);
    expect(engines.isRenewed('a', 32_000)).toBe(false);
    expect(engines.isRenewed('b', 2_000)).toBe(false);
  });

  test('for 30 s from when it could be seen again', () => {
    const engines = new WorkingEngines();
    engines.see([lease('a', '1')], 0);
    engines.forget();
    expect(engines.see([lease('a', '1')], 100_000)).toHaveLength(1);
  });
});

describe('an engine gives way', () => {
  const [older, newer] = [lease('b', '1', 'x', '2026-01-01T00:00:00Z'), lease('a', '1', 'y', '2026-01-01T00:00:01Z')];

  test('to any that works, before it works itself', () => {
    expect(precedenceOver(undefined, [newer], 'b')).toBe(newer);
    expect(precedenceOver(undefined, [], 'b')).toBeUndefined();
    expect(precedenceOver(undefined, [older], 'b')).toBeUndefined();
  });

  test('to an older one, when both began at once', () => {
    expect(precedenceOver(newer, [older, newer], 'a')).toBe(older);
    expect(precedenceOver(older, [older, newer], 'b')).toBeUndefined();
    const twin = lease('c', '1', 'z', '2026-01-01T00:00:00Z');
    expect(precedenceOver(twin, [older, twin], 'c')).toBe(older);
  });
});

import { VIOLATION_EVENT_TYPE, type ViolationData, type ViolationEvent } from '@jspolicy/contracts';
import { AddressSet } from '@jspolicy/runtime';
import type { SinkContext, SinkEvent } from './index.ts';

export function violation(number: number, data: Partial<ViolationData> = {}): ViolationEvent {
  const policy = data.policy ?? 'no-latest.example.com';
  return {
    specversion: '1.0',
    id: `${number}.${policy}.1`,
    source: '/clusters/test',
    type: VIOLATION_EVENT_TYPE,
    subject: 'v1/Pod/shop/web',
    time: '2026-01-02T03:04:05.678Z',
    datacontenttype: 'application/json',
    data: {
      policy,
      policyUid: 'uid',
      revision: 1,
      type: 'Validating',
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: `violation ${number}`,
      request: { uid: `${number}`, operation: 'CREATE', apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' },
      user: { username: 'alice', groups: ['system:authenticated'] },
      object: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' },
      dryRun: false,
      evaluator: 'evaluator-1',
      ...data,
    },
  };
}

export function sinkEvent(number: number, data: Partial<ViolationData> = {}): SinkEvent {
  const event = violation(number, data);
  return { event, sequence: number, json: JSON.stringify(event) };
}

export const sinkEvents = (count: number): SinkEvent[] => Array.from({ length: count }, (_, i) => sinkEvent(i + 1));

/** Longer than any machine takes. */
const PATIENT_MS = 600_000;

export function contextFor(parts: Partial<SinkContext> = {}): SinkContext {
  const missing = async () => {
    throw new Error('this test has none');
  };
  return {
    name: 'test',
    stdout: process.stdout,
    refused: new AddressSet([]),
    fileDirectory: '/nonexistent',
    connectNats: missing,
    createKubeEvent: missing,
    signal: AbortSignal.timeout(PATIENT_MS),
    ...parts,
  };
}

export const inTime = (): AbortSignal => AbortSignal.timeout(PATIENT_MS);

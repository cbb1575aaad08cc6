import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdmissionReview, JsPolicy, ViolationEntry } from '@jspolicy/contracts';
import { applyPatch, type Operation } from 'rfc6902';
import { describe, expect, test } from 'vitest';
import { decide, type Outcome } from './decision.ts';
import { diff } from './json-patch.ts';
import { admissionReviewAnswer } from './response.ts';
import { bundleHash, policyRecord } from './spec.ts';
import type { PatchOperation, ReviewInfo } from './verdict.ts';
import { violationEntry } from './violation-entry.ts';
import { violationEvent } from './violation-event.ts';

/** A folder of answers that the original engine gave, with cases/*.json and golden/*.yaml; without it the ones here do. */
const folder = process.env['JSPOLICY_ORACLE_DIR'];

interface Recorded {
  name: string;
  policy?: JsPolicy;
  review?: AdmissionReview;
  expect: { bodyText?: string; body?: AdmissionReview; patch?: PatchOperation[]; violations?: ViolationEntry[] | null };
}

const inFolder = (name: string, end: string): string[] =>
  folder
    ? readdirSync(join(folder, name))
        .filter((file) => file.endsWith(end))
        .map((file) => join(folder, name, file))
    : [];

const answered = ({ policy, expect: { body } }: Recorded): boolean =>
  policy !== undefined &&
  body?.response !== undefined &&
  body.kind === 'AdmissionReview' &&
  Boolean(body.apiVersion) &&
  body.response.status.code !== 400;

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', labels: { x: '1' } } };

/** A case of our own, in the form of the recorded ones. */
function own(name: string, violationPolicy: string, response: string, violation?: ViolationEntry): Recorded {
  const type = { group: '', version: 'v1' };
  const bodyText = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u",${response}}}\n`;
  const body = JSON.parse(bodyText) as AdmissionReview;
  const patch = body.response?.patch;
  return {
    name,
    policy: {
      apiVersion: 'policy.jspolicy.com/v1beta1',
      kind: 'JsPolicy',
      metadata: { name: 'p.example.com' },
      spec: { operations: ['CREATE'], resources: ['pods'], type: 'Mutating', violationPolicy },
    },
    review: {
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      request: {
        uid: 'u',
        kind: { ...type, kind: 'Pod' },
        resource: { ...type, resource: 'pods' },
        name: 'a',
        operation: 'CREATE',
        userInfo: { username: 'dana', groups: ['devs'] },
        object: pod,
        oldObject: null,
        options: null,
      },
    },
    expect: {
      bodyText,
      body,
      ...(patch && { patch: JSON.parse(atob(patch)) as PatchOperation[] }),
      violations: violation ? [violation] : [],
    },
  };
}

const requestInfo = { apiVersion: 'v1', kind: 'Pod', name: 'a', operation: 'CREATE' };
const entry = { requestInfo, userInfo: { username: 'dana' }, timestamp: '' };
const patch = btoa('[{"op":"replace","path":"/metadata/labels/x","value":"2"}]');
const ownCases = [
  own('denied', 'deny', '"allowed":false,"status":{"metadata":{},"message":"no","reason":"Forbidden","code":403}', {
    ...entry,
    action: 'Deny',
    code: 403,
    reason: 'Forbidden',
    message: 'no',
  }),
  own('warned', 'Warn', '"allowed":true,"status":{"metadata":{},"code":200},"warnings":["[p.example.com]: no"]', {
    ...entry,
    action: 'Warn',
    code: 500,
    message: 'no',
  }),
  own(
    'mutated',
    'Deny',
    `"allowed":true,"status":{"metadata":{},"code":200},"patch":"${patch}","patchType":"JSONPatch"`,
  ),
];

const recordedCases = inFolder('cases', '.json')
  .filter((file) => !file.endsWith('index.json'))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Recorded)
  .filter(answered)
  // With failurePolicy Ignore a failure is no denial here, on purpose. The path /crds is judged elsewhere.
  .filter(({ name }) => name !== 'failure-ignore-throw' && !name.startsWith('http-crds'));

const cases = [...ownCases, ...recordedCases];

/** What the policy must have said, from the recorded answer and violation. */
function outcomeOf({ policy, expect: { body, patch, violations } }: Recorded): Outcome {
  const response = body?.response;
  const prefix = `[${policy?.metadata.name}]: `;
  const warnings = (response?.warnings ?? []).map((warning) => warning.slice(prefix.length));
  const objection = response?.allowed ? violations?.[0] : response?.status;
  if (!objection) return { kind: 'verdict', verdict: { deny: false, warnings, ...(patch ? { patch } : {}) } };
  const { message = '', reason, code = 0 } = objection;
  if (policy?.spec.violationPolicy === 'Warn') warnings.pop();
  if (!reason) return { kind: 'failed', failure: { cause: 'exception', message } };
  return { kind: 'verdict', verdict: { deny: true, message, reason, code, warnings } };
}

const reviewInfo = ({ review, expect: { body } }: Recorded): ReviewInfo => {
  const request = review?.request;
  return {
    ...(request?.name ? { name: request.name } : {}),
    ...(request?.namespace ? { namespace: request.namespace } : {}),
    apiVersion: body?.apiVersion ?? '',
    uid: body?.response?.uid ?? '',
    kind: request?.kind ?? { group: '', version: '', kind: '' },
    operation: request?.operation ?? '',
    userInfo: request?.userInfo ?? {},
    dryRun: request?.dryRun ?? false,
  };
};

describe('as recorded', () => {
  test.each(cases)('$name', (recorded) => {
    const policy = recorded.policy as JsPolicy;
    const record = policyRecord(policy);
    const decision = decide({ record, outcome: outcomeOf(recorded) });
    if (decision.kind !== 'answer') throw new Error('not answered');
    const review = reviewInfo(recorded);
    expect(admissionReviewAnswer(review, decision)).toBe(recorded.expect.bodyText);
    const entries = recorded.expect.violations ?? [];
    expect(decision.violation ? 1 : 0).toBe(entries.length);
    if (!decision.violation || !recorded.review) return;
    const event = violationEvent({ record, review, violation: decision.violation, time: new Date(), evaluator: 'e' });
    const { timestamp: _, message, ...entry } = violationEntry(event);
    const { timestamp: _time, message: expectedMessage, ...expected } = entries[0] as ViolationEntry;
    expect(entry).toEqual(expected);
    // jsPolicy cuts inside a character.
    if (recorded.name !== 'deny-long-multibyte') expect(message).toBe(expectedMessage);
  });

  // The two that were edited do not show what their status speaks of.
  const asApplied = inFolder('golden', '.golden.yaml').filter((file) => !/updated?\.golden/.test(file));
  test.each(asApplied)('bundleHash of %s', (file) => {
    const text = readFileSync(file, 'utf8');
    const applied = /last-applied-configuration: \|\n +(\{.*"kind":"JsPolicy".*\})/.exec(text)?.[1];
    const hash = /bundleHash: (\w+)/.exec(text)?.[1];
    if (applied && hash) expect(bundleHash((JSON.parse(applied) as JsPolicy).spec)).toBe(hash);
  });

  const patched = cases.filter(({ review, expect: { patch } }) => patch && review?.request?.object);
  test.each(patched)('patch of $name', ({ review, expect: { patch = [] } }) => {
    const before = review?.request?.object;
    const box = { root: structuredClone(before) };
    applyPatch(box, patch.map((operation) => ({ ...operation, path: `/root${operation.path}` })) as Operation[]);
    // The order of independent operations is free.
    const operations = (list: PatchOperation[]) => list.map(({ op, path }) => `${op} ${path}`).sort();
    expect(operations(diff(before, box.root))).toEqual(operations(patch));
  });
});

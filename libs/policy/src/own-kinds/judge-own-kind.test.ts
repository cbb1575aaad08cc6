import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgeOwnKind, type OwnKindQuestion, type OwnKindStage } from './judge-own-kind.ts';

const GROUP = { group: 'policy.jspolicy.com', version: 'v1beta1' };
const API = { apiVersion: 'policy.jspolicy.com/v1beta1' };
const VALID = { operations: ['CREATE'], resources: ['pods'] };

const policy = (spec: unknown, name = 'valid.policy.example') => ({
  ...API,
  kind: 'JsPolicy',
  metadata: { name },
  spec,
});

function judge(object: unknown, options: Partial<OwnKindQuestion> = {}, stage: OwnKindStage = 'complete') {
  const kind = { ...GROUP, kind: 'JsPolicy' };
  const { allowed, code, reason, message, patch } = judgeOwnKind(
    { operation: 'CREATE', kind, object, oldObject: null, ...options },
    stage,
  );
  return { allowed, code, ...(reason && { reason }), ...(message && { message }), ...(patch && { patch }) };
}
const forbidden = (message: string) => ({ allowed: false, code: 403, reason: 'Forbidden', message });
const bad = (message: string) => ({ allowed: false, code: 403, reason: 'BadRequest', message });
const ALLOWED = { allowed: true, code: 200 };

describe('a JsPolicy', () => {
  test.each([
    [{}],
    [{ operations: ['*'] }],
    [{ type: 'Controller', operations: ['DELETE'] }],
    [{ type: '' }],
    [{ resources: ['pods/*', 'deployments/scale', '*/status'] }],
    // What comes before the wildcard is not looked at again, as in the webhook API.
    [{ resources: ['pods', '*'] }],
    [{ resources: ['pods/status', 'pods/*'] }],
    [{ apiGroups: [] }],
    [{ apiGroups: [''], apiVersions: null, scope: null }],
    [{ violationPolicy: 'wArN', timeoutSeconds: 30, auditLogSize: 40 }],
    [
      {
        objectSelector: { matchLabels: { 'example.com/a': '' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] },
      },
    ],
  ])('with %j is allowed', (spec) => {
    expect(judge(policy({ ...VALID, ...spec }))).toEqual(ALLOWED);
  });

  test.each([
    [{ operations: [] }, 'spec.rules.operations: Required value'],
    [
      { operations: ['get'] },
      'spec.rules.operations[0]: Unsupported value: "get": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ],
    [
      { operations: ['*', 'DELETE'] },
      `spec.rules.operations: Invalid value: []v1.OperationType{"*", "DELETE"}: if '*' is present, must not specify other operations`,
    ],
    [
      { type: 'Controller', operations: ['UPDATE'] },
      'spec.rules.operations[0]: Unsupported value: "UPDATE": supported values: "*", "CREATE", "DELETE"',
    ],
    [
      { resources: ['*', 'jobs'] },
      `spec.rules.resources: Invalid value: []string{"*", "jobs"}: if '*' is present, must not specify other resources without subresources`,
    ],
    [
      { resources: ['jobs/*', 'jobs/status', 'jobs/*'] },
      `[spec.rules.resources[1]: Invalid value: "jobs/status": if 'jobs/*' is present, must not specify jobs/status, spec.rules.resources[2]: Invalid value: "jobs/*": if 'jobs/*' is present, must not specify jobs/*]`,
    ],
    [
      { resources: ['*/*', 'x"\t\u00e9\u200b'] },
      `spec.rules.resources: Invalid value: []string{"*/*", "x\\"\\t\u00e9\\u200b"}: if '*/*' is present, must not specify other resources`,
    ],
    [{ apiVersions: ['v1', null] }, 'spec.rules.apiVersions[1]: Required value'],
    [{ violationPolicy: '' }, 'spec.violationPolicy: Invalid value: "": needs to be one of [Deny Warn Dry]'],
    [{ auditLogSize: 41 }, 'spec.auditLogSize: Invalid value: 41: The audit log size needs to be between 1 and 40'],
    [
      { objectSelector: { matchExpressions: [{ key: '/a', operator: 'NotIn' }] } },
      "[spec.objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.objectSelector.matchExpressions[0].key: Invalid value: \"/a\": prefix part must be non-empty]",
    ],
  ])('with %j is refused', (spec, message) => {
    expect(judge(policy({ ...VALID, ...spec }))).toEqual(forbidden(message));
  });

  test('has a name of three parts', () => {
    expect(judge(policy(VALID, 'two.parts'))).toMatchObject({ message: expect.stringContaining('"two.parts"') });
    expect(judge(policy(VALID, ''))).toEqual(forbidden('metadata.name: Required value'));
  });

  test('keeps its type: the empty one and Validating are two', () => {
    const update = (type: string | undefined, old: string | undefined) =>
      judge(policy({ ...VALID, type }), { operation: 'UPDATE', oldObject: policy({ ...VALID, type: old }) });
    expect(update('Validating', 'Validating')).toEqual(ALLOWED);
    expect(update('', undefined)).toEqual(ALLOWED);
    expect(update('Validating', '')).toEqual(forbidden('spec.type: Invalid value: "Validating": type is immutable'));
  });

  test.each([
    [{ spec: 'x' }, 'json: cannot unmarshal string into Go struct field JsPolicy.spec of type v1beta1.JsPolicySpec'],
    [
      { spec: { ...VALID, operations: [1] } },
      'json: cannot unmarshal number into Go struct field JsPolicySpec.spec.operations of type v1.OperationType',
    ],
    [
      { spec: { ...VALID, auditLogSize: 2 ** 31 } },
      'json: cannot unmarshal number 2147483648 into Go struct field JsPolicySpec.spec.auditLogSize of type int32',
    ],
    [
      { spec: { ...VALID, objectSelector: { matchLabels: { a: true } } } },
      'json: cannot unmarshal bool into Go struct field LabelSelector.spec.objectSelector.matchLabels of type string',
    ],
    [
      { spec: { ...VALID, javaScript: '' }, status: { other: 1 } },
      'strict decoding error: unknown field "javaScript", unknown field "other"',
    ],
    [{ kind: '' }, expect.stringContaining("Object 'Kind' is missing in '{")],
  ])('that does not decode (%j) is refused', (fields, message) => {
    expect(judge({ ...policy(VALID), ...fields })).toEqual(bad(message));
  });
});

describe('before the schema', () => {
  const early = (object: unknown, options: Partial<OwnKindQuestion> = {}) => judge(object, options, 'before-schema');

  test('what the schema or the check of names refuses is left to them', () => {
    expect(early(policy({ ...VALID, timeoutSeconds: 'x' }))).toEqual(ALLOWED);
    expect(early(policy({}, 'Upper.case.name'))).toEqual(ALLOWED);
    expect(early(policy({ ...VALID, timeoutSeconds: 1.5 }))).toEqual(ALLOWED);
  });

  test('what only the rules word is refused', () => {
    expect(early(policy({ ...VALID, timeoutSeconds: 31 }))).toMatchObject({ allowed: false });
    expect(early(policy({ ...VALID, timeoutSeconds: 2 ** 40 }))).toMatchObject({ allowed: false });
    expect(early(policy(VALID, 'short'))).toMatchObject({ allowed: false });
  });

  test('a name that is not made yet is not missed', () => {
    expect(early({ ...policy(VALID), metadata: { generateName: 'a.b.c' } })).toEqual(ALLOWED);
  });

  test('violationPolicy gets its stored form', () => {
    const patch = [{ op: 'replace', path: '/spec/violationPolicy', value: 'Warn' }];
    expect(early(policy({ ...VALID, violationPolicy: 'warn' }))).toEqual({ ...ALLOWED, patch });
    expect(early(policy({ ...VALID, violationPolicy: 'Warn' }))).toEqual(ALLOWED);
  });
});

describe('other objects and operations', () => {
  const bundle = (spec: unknown) =>
    judge({ ...API, kind: 'JsPolicyBundle', spec }, { kind: { ...GROUP, kind: 'JsPolicyBundle' } });

  test.each([
    ['***', 0],
    ['abc', 0],
    ['QUJDabc', 4],
    ['ab=', 3],
    ['ab=c', 2],
    ['ab==x', 4],
    ['abc=x', 4],
    ['a===', 1],
    ['QU\nJD\r\n!', 7],
  ])('a bundle must be base64: %j', (text, at) => {
    expect(bundle({ bundle: text })).toEqual(bad(`illegal base64 data at input byte ${at}`));
  });

  test('a bundle of base64, or of nothing yet, is allowed', () => {
    expect(bundle({ bundle: 'QUJD\nRA==\n' })).toEqual(ALLOWED);
    expect(bundle({})).toEqual(ALLOWED);
    expect(bundle({ bundle: 5 })).toMatchObject({ message: expect.stringContaining('JsPolicyBundleSpec.spec.bundle') });
  });

  test('a violations object with an unknown field is refused, a Pod is allowed', () => {
    const kind = { ...GROUP, kind: 'JsPolicyViolations' };
    const object = { ...API, kind: 'JsPolicyViolations', metadata: { name: 'a', newer: {} } };
    expect(judge(object, { kind })).toEqual(ALLOWED);
    // As audit writes it, and as a backup brings it back.
    const counts = { totals: { violations: 1 }, counted: { upTo: 7 }, writtenAt: '2026-01-02T03:04:05.678Z' };
    const status = { violations: [], sequences: [], stream: 's', ...counts };
    expect(judge({ ...object, status }, { kind })).toEqual(ALLOWED);
    expect(judge({ ...object, extra: 1 }, { kind })).toEqual(bad('strict decoding error: unknown field "extra"'));
    const pod = { apiVersion: 'v1', kind: 'Pod' };
    expect(judge(pod, { kind: { group: '', version: 'v1', kind: 'Pod' } })).toEqual(ALLOWED);
  });

  test('only CREATE and UPDATE can be judged', () => {
    const fault = (message: string) => ({ allowed: false, code: 1, message });
    expect(judge(policy(VALID), { operation: 'DELETE' })).toEqual(fault('operation DELETE not supported'));
    expect(judge(null)).toEqual(bad("Object 'Kind' is missing in ''"));
    expect(judge(policy(VALID), { operation: 'UPDATE' })).toEqual(fault("Object 'Kind' is missing in ''"));
    const oldObject = { ...policy({ operations: [], gone: 1 }) };
    expect(judge(policy(VALID), { operation: 'UPDATE', oldObject })).toEqual(ALLOWED);
  });
});

interface Recorded {
  name: string;
  object?: unknown;
  oldObject?: unknown;
  operation?: string;
  review?: { request: OwnKindQuestion };
  crdsWebhook?: { allowed: boolean; status: { message?: string; reason?: string; code: number } };
}

const RECORDED = join(process.env['JSPOLICY_ORACLE_DIR'] ?? '', 'golden/crds-admission.json');
/** violationPolicy is read in any case on purpose. */
const DIFFERENT_ON_PURPOSE = ['violation-policy-bad'];

test.skipIf(!existsSync(RECORDED))('recorded answers of jsPolicy are ours', () => {
  const cases = JSON.parse(readFileSync(RECORDED, 'utf8')) as Recorded[];
  const judged = cases.filter(({ crdsWebhook }) => crdsWebhook);
  const different = judged.filter(({ object, oldObject, operation = 'CREATE', review, crdsWebhook }) => {
    const got = judge(object, { operation, oldObject, ...review?.request });
    const { metadata: _, ...status } = { metadata: {}, ...crdsWebhook?.status };
    return JSON.stringify(sorted(got)) !== JSON.stringify(sorted({ allowed: crdsWebhook?.allowed, ...status }));
  });
  expect(judged.length).toBeGreaterThan(0);
  expect(different.map(({ name }) => name)).toEqual(DIFFERENT_ON_PURPOSE);
});

const sorted = (fields: object) => Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));

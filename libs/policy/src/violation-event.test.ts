import { MAX_EVENT_MESSAGE_BYTES } from '@jspolicy/contracts';
import { violationEventProblems } from '@jspolicy/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { record, review } from './records.fixture.ts';
import { violationEvent } from './violation-event.ts';

const time = new Date('2026-03-04T05:06:07.891Z');
const violation = { action: 'Deny', code: 403, reason: 'Forbidden', message: 'no' } as const;
const base = { record: record(), review: review(), violation, time, evaluator: 'e-1' };
const event = (message = 'no') => violationEvent({ ...base, violation: { ...violation, message } });

test('says what happened, to whom and where', () => {
  expect(event()).toEqual({
    specversion: '1.0',
    id: '0d9f5d8e-4f0c-4ac0-9b3c-2b3b0f4a1c11.p.example.com.3',
    source: '/clusters/kubernetes',
    type: 'com.jspolicy.policy.violation.v1',
    subject: 'apps/v1/Deployment/shop/web',
    time: '2026-03-04T05:06:07.891Z',
    datacontenttype: 'application/json',
    data: {
      policy: 'p.example.com',
      policyUid: 'policy-uid',
      revision: 3,
      type: 'Validating',
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: 'no',
      messageBytes: 2,
      request: {
        uid: '0d9f5d8e-4f0c-4ac0-9b3c-2b3b0f4a1c11',
        operation: 'CREATE',
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'shop',
        name: 'web',
      },
      user: { username: 'dana', uid: 'u-7', groups: ['devs'] },
      object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
      dryRun: false,
      evaluator: 'e-1',
    },
  });
});

test('tells the marks of the object, and of its labels those that are asked for', () => {
  const object = { uid: 'o-1', labels: { team: 'shop', note: 'private' } };
  const made = violationEvent({ ...base, review: review({ object }), labels: ['team', 'absent'] });
  expect(made.data.object).toMatchObject({ uid: 'o-1', labels: { team: 'shop' } });
  expect(JSON.stringify(made)).not.toContain('private');
  expect(violationEvent({ ...base, review: review({ object }) }).data.object).not.toHaveProperty('labels');
});

test('names the parts that took part', () => {
  const made = violationEvent({ ...base, cluster: 'eu west/1', gateway: 'g-1', evaluationMs: 1.23456 });
  expect(made).toMatchObject({
    source: '/clusters/eu%20west%2F1',
    data: { gateway: 'g-1', evaluator: 'e-1', evaluationMs: 1.235 },
  });
});

test.each([
  ['of the cluster', { namespace: undefined, kind: { group: '', version: 'v1', kind: 'Node' } }, 'v1/Node/web'],
  ['a Namespace', { namespace: 'web', kind: { group: '', version: 'v1', kind: 'Namespace' } }, 'v1/Namespace/web'],
  ['without a name yet', { name: undefined }, 'apps/v1/Deployment/shop/-'],
])('the subject of an object %s', (_what, fields, subject) => {
  const known = Object.entries({ ...review(), ...fields }).filter(([, value]) => value !== undefined);
  expect(violationEvent({ ...base, review: Object.fromEntries(known) as never }).subject).toBe(subject);
});

test('a long message is cut between characters, and its full length told', () => {
  const { message, messageBytes } = event('é'.repeat(MAX_EVENT_MESSAGE_BYTES)).data;
  expect(message).toBe('é'.repeat(MAX_EVENT_MESSAGE_BYTES / 2));
  expect(messageBytes).toBe(2 * MAX_EVENT_MESSAGE_BYTES);
});

test('is small, whatever the review holds', () => {
  const long = 'x'.repeat(100_000);
  const huge = review({
    name: long,
    operation: long,
    userInfo: { username: long, groups: [long, ...Array.from({ length: 1000 }, () => 'x'.repeat(100))] },
    kind: { group: long, version: long, kind: long },
    object: { uid: long, labels: { team: long } },
  });
  const wordy = { ...violation, reason: long, message: long };
  const made = violationEvent({ ...base, review: huge, violation: wordy, cluster: long, labels: ['team'] });
  expect(JSON.stringify(made).length).toBeLessThan(40 * 1024);
  expect(made.data.user).toEqual({ username: 'x'.repeat(1024) });
});

test('the id is of review, policy and revision', () => {
  const again = { ...base, evaluator: 'e-2', time: new Date(0) };
  expect(violationEvent(again).id).toBe(event().id);
  expect(violationEvent({ ...again, record: record({ generation: 4 }) }).id).not.toBe(event().id);
});

test('reviews without a uid are not taken for one', () => {
  const at = (ms: number) => violationEvent({ ...base, review: review({ uid: '' }), time: new Date(ms) }).id;
  expect(at(1)).not.toBe(at(2));
});

test('a uid that could break a header is not used as it is', () => {
  const { id } = violationEvent({ ...base, review: review({ uid: 'a\r\nb: c' }) });
  expect(id).toMatch(/^[0-9a-f]{64}\.p\.example\.com\.3$/);
});

test('whatever a review holds, the event is as its schema says', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 20 });
  const texts = fc.record({
    uid: anyText,
    name: anyText,
    namespace: anyText,
    operation: anyText,
    subResource: anyText,
    username: anyText,
    group: anyText,
    message: anyText,
    objectUid: anyText,
    label: anyText,
  });
  fc.assert(
    fc.property(texts, fc.integer(), fc.boolean(), (any, code, dryRun) => {
      const { uid, name, namespace, operation, subResource, username, group, message, objectUid, label } = any;
      const asked = review({
        uid,
        name,
        namespace,
        operation,
        subResource,
        dryRun,
        userInfo: { username, groups: [group], extra: { scopes: ['secret'] } },
        object: { uid: objectUid, labels: { team: label } },
      });
      const made = violationEvent({
        ...base,
        review: asked,
        violation: { action: 'Warn', code, message },
        labels: ['team'],
        evaluationMs: 1,
      });
      const told = JSON.parse(JSON.stringify(made));
      expect(violationEventProblems(told)).toEqual([]);
      expect(told).toEqual(made);
    }),
  );
});

import type { ViolationData, ViolationEvent } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { event } from '../audit-stack.test-part.ts';
import { ReportModel, resourceKey } from './report-model.ts';

const LIMITS = { maxEvents: 3, maxReports: 2 };

function violation(fields: Partial<ViolationData> = {}, time = '2026-01-02T03:04:05.678Z'): ViolationEvent {
  const { data, ...rest } = event('p.report.example', 1);
  return { ...rest, time, data: { ...data, ...fields } };
}

const about = (name: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name });
const messagesOf = (model: ReportModel, name: string) =>
  model.get(resourceKey(about(name)))?.findings.map(({ result }) => result.message);

test('the latest results of a resource stay', () => {
  const model = new ReportModel(LIMITS);
  for (const message of ['a', 'b', 'c', 'd']) model.add(violation({ message, object: about('web') }));
  expect(messagesOf(model, 'web')).toEqual(['b', 'c', 'd']);
});

test('the resources with the latest results stay', () => {
  const model = new ReportModel(LIMITS);
  for (const name of ['a', 'b', 'a', 'c']) model.add(violation({ object: about(name) }));
  expect([...model.all()].map(({ object }) => object.name)).toEqual(['a', 'c']);
  expect(model.takeChanged(10)).toEqual(['a', 'b', 'c'].map((name) => resourceKey(about(name))));
  expect(model.takeChanged(10)).toEqual([]);
});

test('the same again is one result, with the time of the last', () => {
  const model = new ReportModel(LIMITS);
  const refused = (uid: string) => ({ object: { ...about('web'), uid } });
  model.add(violation(refused('first')));
  model.add(violation({ ...refused('first'), message: 'other' }));
  model.add(violation(refused('second'), '2026-01-02T03:04:09Z'));
  const findings = model.get(resourceKey(about('web')))?.findings ?? [];
  expect(
    findings.map(({ result: { message, resources, timestamp } }) => [message, resources[0]?.uid, timestamp]),
  ).toEqual([
    ['other', 'first', { seconds: 1767323045, nanos: 0 }],
    ['violation 1', 'first', { seconds: 1767323049, nanos: 0 }],
  ]);
});

test('an object that was there is another one with another uid', () => {
  const model = new ReportModel(LIMITS);
  const warned = (uid: string) => violation({ action: 'Warn', object: { ...about('web'), uid } });
  for (const uid of ['first', 'second', 'first']) model.add(warned(uid));
  expect(model.get(resourceKey(about('web')))?.findings).toHaveLength(2);
});

test('a resource is one in all versions of its group', () => {
  const model = new ReportModel(LIMITS);
  model.add(violation({ object: about('web'), message: 'a' }));
  model.add(violation({ object: { ...about('web'), apiVersion: 'apps/v1beta1' }, message: 'b' }));
  expect(messagesOf(model, 'web')).toEqual(['a', 'b']);
});

test('what is not kept is gone, and a resource with it', () => {
  const model = new ReportModel(LIMITS);
  for (const message of ['a', 'b']) model.add(violation({ message, object: about('web') }));
  model.add(violation({ message: 'a', object: about('api') }));
  model.takeChanged(10);
  model.keep(({ result }) => result.message !== 'a');
  expect([...model.all()].map(({ object }) => object.name)).toEqual(['web']);
  expect(model.takeChanged(10)).toHaveLength(2);
});

test('dry runs and Controller policies are not reported', () => {
  const model = new ReportModel(LIMITS);
  expect(model.add(violation({ dryRun: true }))).toBe(false);
  expect(model.add(violation({ action: 'Controller' }))).toBe(false);
  expect(model.size).toBe(0);
});

import { expect, test } from 'vitest';
import type { Refusal } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';
import { whileNobodyIsThere } from './all-gone.ts';
import { inFlightOnOneGateway } from './kill.ts';

const refusal = (beganMs: number, atMs: number, answered = false): Refusal => ({ beganMs, atMs, answered, text: '' });
const during = (moments: Record<string, number>) =>
  ({ moments: new Map(Object.entries(moments)) }) as unknown as ScenarioContext;

const KILLED = during({ 'gateway killed': 100_000, 'gateway back': 107_000, 'evaluator killed': 140_000 });

test.each([
  ['none', [], ''],
  ['in flight on the gateway', [refusal(99_900, 100_100), refusal(102_000, 125_000)], ''],
  ['more than are sent at once', Array.from({ length: 5 }, () => refusal(99_900, 100_100)), '5 refused, 4 at most'],
  ['before anything was killed', [refusal(90_000, 90_010)], '1 refused that were not in flight'],
  ['when the evaluator was killed', [refusal(140_100, 141_000)], '1 refused that were not in flight'],
  ['by a gateway that lives', [refusal(100_100, 101_000, true)], '1 refused that were not in flight'],
])('a gateway that is killed excuses what it had in its hands: %s', (_, refused, problem) => {
  expect(inFlightOnOneGateway(refused, KILLED)).toMatch(new RegExp(`^${problem}${problem ? '' : '$'}`));
});

test.each([
  ['before', refusal(1, 99), '1 refused while Pods were there: '],
  ['while', refusal(99, 300, true), ''],
  ['when nodes know of them by now', refusal(5_201, 5_202), '1 refused while Pods were there: '],
])('when every Pod was deleted requests may be refused only while they are gone: %s', (_, refused, problem) => {
  expect(whileNobodyIsThere([refused], during({ deleted: 100, back: 200 }))).toBe(problem);
});

import { expect, test } from 'vitest';
import { compared, type Recorded, type Told } from './ledger.ts';

const event = (name: string, code = 403, id = `id-of-${name}`): Recorded['events'][number] =>
  ({ id, data: { code, object: { name } } }) as Recorded['events'][number];
const TOLD: Told = { denied: new Set(['a', 'b']), unsure: new Set(['u']), passed: new Set(['p']) };
const recorded = (events: Recorded['events'], more: Partial<Recorded> = {}): Recorded => ({
  events,
  total: events.length,
  sent: new Map(events.map(({ id }) => [id, 1])),
  ...more,
});
const BOTH = [event('a'), event('b')];

test.each([
  ['what was denied', BOTH],
  ['what got no answer, too', [...BOTH, event('u')]],
  ['what failed in one evaluator while another one answered', [...BOTH, event('p', 500)]],
])('ledgers agree that hold %s', (_, events) => {
  expect(compared(TOLD, recorded(events)).problem).toBe('');
});

test.each<[string, Recorded, string]>([
  ['a denial is not in the stream', recorded([event('a')]), "1 denied, not in the stream: [ 'b' ]"],
  ['the stream has what nobody asked', recorded([...BOTH, event('x')]), "1 in the stream, not denied: [ 'x' ]"],
  ['what was let through was denied', recorded([...BOTH, event('p')]), "1 in the stream, not denied: [ 'p' ]"],
  ['an id is twice in the stream', recorded([...BOTH, event('a')], { total: 2 }), '1 ids are twice in the stream'],
  ['the total is short', recorded(BOTH, { total: 1 }), 'the total in the status is 1, the stream holds 2'],
  [
    'the sink lacks one',
    recorded(BOTH, { sent: new Map([['id-of-a', 1]]) }),
    "1 in the stream, not at the sink: [ 'id-of-b' ]",
  ],
  [
    'the sink has one more',
    recorded(BOTH, { sent: new Map(['a', 'b', 'c'].map((name) => [`id-of-${name}`, 1])) }),
    "1 at the sink, not in the stream: [ 'id-of-c' ]",
  ],
])('ledgers differ when %s', (_, seen, problem) => {
  expect(compared(TOLD, seen).problem).toBe(problem);
});

test('what a sink got again is told', () => {
  const sent = new Map([
    ['id-of-a', 2],
    ['id-of-b', 1],
  ]);
  expect(compared(TOLD, recorded(BOTH, { sent }))).toEqual({
    problem: '',
    about: 'ledger: 2 denied, 1 unsure, stream, status and sink 2 each, 1 sent again',
  });
});

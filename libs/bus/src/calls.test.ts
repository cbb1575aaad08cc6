import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bus, connectBus } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

let nats: TestNats;
let one: Bus;
let other: Bus;

beforeAll(async () => {
  nats = await natsForTest();
  [one, other] = await Promise.all([connect(), connect()]);
});
afterAll(async () => {
  await one?.close();
  await other?.close();
  await nats?.stop();
});

const connect = () => connectBus({ servers: nats.url, name: 'test', service: 'controller', log });

test('everybody who listens hears what is told, and answers a question once each time that it is asked', async () => {
  const heard: string[] = [];
  const listening = [one, other].map((bus, index) =>
    bus.calls.listen('words.*', ({ subject, body, answer }) => {
      heard.push(`${index} ${subject} ${text(body)}`);
      answer(bytes(`from ${index}`));
    }),
  );
  const answers: string[] = [];
  const question = one.calls.question('words.asked', bytes('who'), {
    answersBelow: 'words',
    onAnswer: (body) => answers.push(text(body)),
  });
  // A question again until everybody listens: a subscription takes a moment.
  await waitFor(
    () => {
      question.ask();
      return new Set(answers).size === 2;
    },
    { what: 'both to answer' },
  );
  one.calls.tell('words.told', bytes('hello'));
  await waitFor(() => heard.filter((line) => line.endsWith('words.told hello')).length === 2, { what: 'both to hear' });
  expect([...new Set(answers)].sort()).toEqual(['from 0', 'from 1']);
  await Promise.all([question, ...listening].map((each) => each.stop()));
});

test('a question that nobody hears gets no answer, and words on a closed connection are lost without a fault', async () => {
  const answers: Uint8Array[] = [];
  const question = one.calls.question('nobody.listens', bytes('?'), {
    answersBelow: 'words',
    onAnswer: (body) => answers.push(body),
  });
  question.ask();
  await one.streamIdentity('NONE').catch(() => undefined);
  expect(answers).toEqual([]);
  const closed = await connect();
  await closed.close();
  closed.calls.tell('words.told', bytes('late'));
});

test('a server that does not permit it yet is listened to when it does', async () => {
  const users = (rest: string) => `authorization { users: [ { user: "me", password: "p"${rest} } ] }`;
  const strict = await natsForTest({ config: users(', permissions: { subscribe: { deny: "words.>" } }') });
  const security = { natsUser: 'me', natsPassword: 'p' };
  const bus = await connectBus({ servers: strict.url, security, name: 'test', log });
  const heard: string[] = [];
  const listening = bus.calls.listen('words.told', ({ body }) => heard.push(text(body)));
  await bus.streamIdentity('NONE').catch(() => undefined);
  await strict.restart({ config: users('') });
  const told = () => {
    bus.calls.tell('words.told', bytes('hello'));
    return heard.length > 0;
  };
  await waitFor(told, { what: 'a word to be heard' });
  await listening.stop();
  await bus.close();
  await strict.stop();
});

test('how often the connection came back is counted', async () => {
  expect(other.timesBack).toBe(0);
  await nats.restart();
  await waitFor(() => other.timesBack === 1 && one.timesBack === 1, { what: 'both to be back' });
});

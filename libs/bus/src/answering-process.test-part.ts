import { createLogger } from '@jspolicy/runtime';
import { connectBus } from './index.ts';

/** A process of the test: works on what is asked on `t.work.*` until `t.finish.*` says so, and answers how often it was asked. */
const [servers = ''] = process.argv.slice(2);
const bus = await connectBus({ servers, name: 'answerer', log: createLogger({ service: 'test', level: 'silent' }) });
const works = new Map<string, { asked: number; finished: PromiseWithResolvers<void> }>();
const workOf = (subject: string) => {
  const name = subject.split('.').at(-1) as string;
  const work = works.get(name) ?? { asked: 0, finished: Promise.withResolvers<void>() };
  works.set(name, work);
  return work;
};
const reply = (text: string) => ({ status: 200, body: new TextEncoder().encode(text), headers: {} });

bus.serve('t.work.*', 'q', async ({ subject }) => {
  const work = workOf(subject);
  work.asked += 1;
  console.log(`asked on ${subject}`);
  await work.finished.promise;
  return reply(String(work.asked));
});
bus.serve('t.finish.*', 'q', async ({ subject }) => {
  workOf(subject).finished.resolve();
  return reply('');
});
console.log('ready');

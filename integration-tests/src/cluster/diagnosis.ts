import { kubectl } from './command.ts';
import { NAMESPACE, RELEASE } from './engine.ts';

const LABEL = `app.kubernetes.io/instance=${RELEASE}`;
const LAST_LINES = 10;
const MOST_EVENTS = 20;

/** What a person would look at after a scenario failed: clean-up takes it away. A question that fails is told as its answer. */
export async function diagnosis(): Promise<string> {
  const ask = (...args: string[]) => kubectl(...args, '-n', NAMESPACE).catch((error: Error) => error.message);
  const pods = await ask('get', 'pods', '-o', 'wide');
  const events = await ask('get', 'events', '--sort-by', '.metadata.creationTimestamp');
  const logs = await ask('logs', '-l', LABEL, '--all-containers', '--prefix', '--tail', String(LAST_LINES));
  return [pods, lastLines(events, MOST_EVENTS), logs].join('\n');
}

const lastLines = (text: string, count: number): string => text.trimEnd().split('\n').slice(-count).join('\n');

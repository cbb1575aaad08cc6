import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PolicyPart } from '../policy-part.ts';
import { type Decision, decideIsolation, undecided } from './decide.ts';

export interface DecisionWork {
  prelude: string;
  part: PolicyPart;
}

/** Up to here a script is looked into where it is: a few milliseconds. Policies without packages are smaller. */
const SMALL_LENGTH = 20_000;
/** Beyond it even a process of its own is not worth it: a syntax tree takes several hundred times its text. */
const LARGE_LENGTH = 1_500_000;
const TIMEOUT_MS = 10_000;
const MEMORY_LIMIT_MIB = 512;

/** As decideIsolation; a larger script in a process of its own, whose time and memory are bounded and given back. */
export async function decideApart(work: DecisionWork): Promise<Decision> {
  const length = work.prelude.length + work.part.text.length;
  if (length <= SMALL_LENGTH) return decideIsolation(work.prelude, work.part);
  if (length > LARGE_LENGTH) return undecided('it is too large');
  const url = new URL(`./decide-process${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(url), {
    env: {},
    execArgv: [`--max-old-space-size=${MEMORY_LIMIT_MIB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    return await decisionOf(child, work);
  } finally {
    child.kill('SIGKILL');
  }
}

function decisionOf(child: ChildProcess, work: DecisionWork): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undecided('it takes too long')), TIMEOUT_MS);
    const settle = (decision: Decision) => {
      clearTimeout(timer);
      resolve(decision);
    };
    child.once('message', (decision) => settle(decision as Decision));
    child.once('exit', () => settle(undecided('it takes too much memory')));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.send(work, (error) => error && settle(undecided(error.message)));
  });
}

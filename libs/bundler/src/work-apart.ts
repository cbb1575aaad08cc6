import { writeFileSync } from 'node:fs';

/** What such a process says. */
export type Said<Answer> = { done: Answer } | { failed: string };

/** In a process that apart() started: the answer to the one piece of work. The parent ends this process when it has it. */
export function workApart<Work, Answer>(answer: (work: Work) => Answer | Promise<Answer>): void {
  offerToOomKiller();
  process.once('message', (work) => void said(answer, work as Work).then((message) => process.send?.(message)));
}

async function said<Work, Answer>(answer: (work: Work) => Answer | Promise<Answer>, work: Work): Promise<Said<Answer>> {
  try {
    return { done: await answer(work) };
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Where memory runs out on the machine, the kernel ends this process and not the one that asked. */
function offerToOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Another system.
  }
}

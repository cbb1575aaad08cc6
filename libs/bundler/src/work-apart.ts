import { writeFileSync } from 'node:fs';

/** In a process that apart() started: the answer to the one piece of work. The parent ends this process when it has it. */
export function workApart<Work, Answer>(answer: (work: Work) => Answer): void {
  offerToOomKiller();
  process.once('message', (work) => {
    process.send?.(answer(work as Work));
  });
}

/** Where memory runs out on the machine, the kernel ends this process and not the one that asked. */
function offerToOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Another system.
  }
}

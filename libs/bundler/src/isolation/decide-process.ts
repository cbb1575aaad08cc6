import { decideIsolation } from './decide.ts';
import type { DecisionWork } from './decide-apart.ts';

// The parent sends one script and ends this process when it has the answer.
process.once('message', ({ prelude, part }: DecisionWork) => {
  process.send?.(decideIsolation(prelude, part));
});

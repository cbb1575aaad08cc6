import { workApart } from '../work-apart.ts';
import { decideIsolation } from './decide.ts';
import type { DecisionWork } from './decide-apart.ts';

workApart(({ prelude, part }: DecisionWork) => decideIsolation(prelude, part));

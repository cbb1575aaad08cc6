import { scriptFacts } from './script-facts.ts';
import { workApart } from './work-apart.ts';

workApart(scriptFacts);

import { runService } from '@jspolicy/runtime';
import { createEvaluator } from './service.ts';

await runService('evaluator', createEvaluator);

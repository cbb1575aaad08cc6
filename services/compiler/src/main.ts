import { runService } from '@jspolicy/runtime';
import { createCompiler } from './service.ts';

await runService('compiler', createCompiler);

import { runService } from '@jspolicy/runtime';
import { createController } from './service.ts';

await runService('controller', createController);

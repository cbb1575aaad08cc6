import { runService } from '@jspolicy/runtime';
import { createAudit } from './service.ts';

await runService('audit', createAudit);

import { runService } from '@jspolicy/runtime';
import { createGateway } from './service.ts';

await runService('gateway', createGateway);

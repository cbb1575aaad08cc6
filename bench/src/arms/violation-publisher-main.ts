import { runService } from '@jspolicy/runtime';
import { createViolationPublisher } from './violation-publisher.ts';

await runService('publisher', createViolationPublisher);

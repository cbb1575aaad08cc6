import { runService } from '@jspolicy/runtime';
import { createBusAnswerer } from './bus-answerer.ts';

await runService('answerer', createBusAnswerer);

import { runService } from '@jspolicy/runtime';
import { createFloor } from './floor.ts';

await runService('floor', createFloor);

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkFloor } from '../answers.ts';
import { KeepAliveClient } from '../keep-alive-client.ts';
import { Load } from '../load.ts';
import { cpuUs, memoryOf, withDescendants } from '../processes.ts';
import { Resources } from '../resources.ts';
import { ReviewSource } from '../reviews.ts';
import { webhookPath } from '../webhook-path.ts';
import { W2 } from '../workloads.ts';
import { type Floor, startFloors } from './floors.ts';
import { startGround } from './ground.ts';

const resources = new Resources();
const variants = W2.variants(10 * 1024);
let floors: { F0: Floor; F1: Floor };
let ca: Buffer;

beforeAll(async () => {
  const ground = await startGround(resources);
  ca = readFileSync(ground.certificates.caFile);
  floors = await startFloors(resources, ground.certificates, ground.nats);
});
afterAll(() => resources.release());

test.each(['F0', 'F1'] as const)('%s answers one request after the other on one connection', async (name) => {
  const client = new KeepAliveClient({ port: floors[name].port, ca });
  const source = new ReviewSource(variants);
  for (let count = 0; count < 3; count++) {
    const { body, uid } = source.next();
    checkFloor(await client.post(webhookPath('a.b.c'), body), uid);
  }
  client.close();
});

test.each(['F0', 'F1'] as const)('%s answers many connections, each review is counted', async (name) => {
  const { port, processes } = floors[name];
  const load = await Load.open({ port, ca, connections: 4, paths: ['/a', '/b'], variants, floor: true });
  const { reviews, seconds } = await load.forReviews(50);
  expect(reviews).toBe(50);
  expect(seconds).toBeGreaterThan(0);
  load.close();
  for (const { pid } of processes) {
    expect(cpuUs(pid)).toBeGreaterThan(0);
    expect(memoryOf(pid).rssMiB).toBeGreaterThan(memoryOf(pid).pssMiB / 2);
  }
});

test('an answer that is not the floor’s ends the load', async () => {
  const load = await Load.open({ port: floors.F0.port, ca, connections: 1, paths: ['/'], variants, floor: false });
  await expect(load.forReviews(1)).rejects.toThrow('the uid is not');
  load.close();
});

test('descendants are found below their parent', () => {
  const [floor] = floors.F0.processes;
  const found = withDescendants([{ name: 'test', pid: process.pid }]);
  expect(found).toContainEqual({ name: 'test > floor-main', pid: floor?.pid });
});

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { createLogger, createMetrics, startHealth } from './index.ts';

test('/healthz, /readyz and /metrics', async () => {
  const metrics = createMetrics();
  metrics.counter({ name: 'test_total', help: 'Things', labels: ['code'] }).inc({ code: '200' });
  metrics.histogram({ name: 'test_seconds', help: 'Time' }).observe(0.002);
  metrics.gauge({ name: 'test_now', help: 'Now' }).set(3);
  const health = await startHealth(await anyPort(), metrics, createLogger({ service: 'test', level: 'silent' }));
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${health.port}${path}`);
    return `${answer.status} ${await answer.text()}`;
  };
  expect(await get('/healthz')).toBe('200 ok\n');
  expect(await get('/readyz')).toBe('503 not ready: not started, or stopping\n');
  health.setReady(true);
  expect(await get('/readyz')).toBe('200 ok\n');
  let problem: string | undefined = 'no bus since noon';
  health.dependsOn(() => problem);
  expect(await get('/readyz')).toBe('503 not ready: no bus since noon\n');
  problem = undefined;
  expect(await get('/readyz')).toBe('200 ok\n');
  expect(await get('/metrics')).toContain('test_total{code="200"} 1');
  expect(await get('/metrics')).toContain('test_seconds_bucket{le="0.0025"} 1');
  expect(await get('/other')).toMatch(/^404 /);
  await health.stop();
  await health.stop();
});

test('a value that cannot be told is an answer of 500 and a line of the log, and ends nothing', async () => {
  const told: unknown[] = [];
  const error = (about: object, text: string) => told.push({ ...about, text });
  const log = Object.assign(createLogger({ service: 'test', level: 'silent' }), { error });
  const metrics = createMetrics();
  const err = new Error('gone');
  let fails = true;
  const collect = () => {
    if (fails) throw err;
    return 1;
  };
  metrics.gauge({ name: 'test_now', help: 'Now', collect });
  const health = await startHealth(await anyPort(), metrics, log);
  health.setReady(true);
  health.dependsOn(() => (fails ? String(collect()) : undefined));
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${health.port}${path}`)).status;
  expect([await get('/metrics'), await get('/readyz'), await get('/healthz')]).toEqual([500, 500, 200]);
  const text = 'what is asked of the health port cannot be told';
  expect(told).toEqual([
    { err, url: '/metrics', text },
    { err, url: '/readyz', text },
  ]);
  fails = false;
  expect([await get('/metrics'), await get('/readyz')]).toEqual([200, 200]);
  await health.stop();
});

/** A port that was free a moment ago. */
function anyPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

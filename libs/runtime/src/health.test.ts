import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { createMetrics, startHealth } from './index.ts';

test('/healthz, /readyz and /metrics', async () => {
  const metrics = createMetrics();
  metrics.counter({ name: 'test_total', help: 'Things', labels: ['code'] }).inc({ code: '200' });
  metrics.histogram({ name: 'test_seconds', help: 'Time' }).observe(0.002);
  metrics.gauge({ name: 'test_now', help: 'Now' }).set(3);
  const health = await startHealth(await anyPort(), metrics);
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

/** A port that was free a moment ago. */
function anyPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

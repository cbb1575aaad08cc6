import { createLogger, createMetrics, type Health, loadConfig, startHealth } from '@jspolicy/runtime';
import { freePort, natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterEach, expect, test } from 'vitest';
import { busSettings } from './bus-settings.ts';
import { type Bus, connectServiceBus, topologyAtStart } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const TOO_SMALL = 'max_payload: 1048576';
const NO_JETSTREAM = 'jetstream: disabled';

let nats: TestNats;
let health: Health;
let bus: Bus | undefined;

afterEach(async () => {
  await bus?.close();
  await health?.stop();
  await nats?.stop();
});

const readiness = async () => (await fetch(`http://127.0.0.1:${health.port}/readyz`)).text();
const untilTold = (words: RegExp) =>
  waitFor(async () => words.test(await readiness()), { what: `readiness to say ${words}` });

/** As a service does it. */
async function start(): Promise<void> {
  const config = loadConfig(busSettings, { NATS_URL: nats.url });
  const fail = (error: Error) => {
    throw error;
  };
  bus = await connectServiceBus({ service: 'audit', config, health, log, fail });
  await topologyAtStart(bus, { log, health });
  health.setReady(true);
}

test.each<[string, string, RegExp]>([
  [
    'carries too little',
    TOO_SMALL,
    /no connection to NATS since .*: .*at most 1048576 bytes.*set max_payload: 8454144/,
  ],
  ['has no JetStream', NO_JETSTREAM, /JetStream cannot be used .*needs jetstream \{\}/],
])('while the server %s a service is not ready, says why, and goes on when it is changed', async (_, config, words) => {
  nats = await natsForTest({ config });
  health = await startHealth(await freePort(), createMetrics(), log);
  const started = start();
  await untilTold(words);
  await nats.restart({ config: '' });
  await started;
  expect(await readiness()).toBe('ok\n');
});

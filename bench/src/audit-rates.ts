import { type AuditArm, PUBLISHERS, untilCounted } from './arms/audit.ts';
import type { Scale } from './options.ts';
import { progress } from './progress.ts';
import { type Estimate, estimate } from './statistics.ts';

/** Events per second. */
export interface AuditRates {
  publishers: number;
  /** Of the NATS client alone, into a record that nobody reads. */
  raw: Estimate;
  /** Of what an evaluator does, into the same record. */
  stream: Estimate;
  /** stream to raw, round by round. */
  streamRatio: Estimate;
  /** While audit writes statuses and one webhook sink delivers. From the first event until the last one is there. */
  events: number;
  toStream: number;
  toStatus: number;
  toSink: number;
}

export async function measureAuditRates(arm: AuditArm, scale: Scale): Promise<AuditRates[]> {
  const rates: AuditRates[] = [];
  for (const publishers of [1, PUBLISHERS]) rates.push(await ratesOf(arm, publishers, scale));
  return rates;
}

async function ratesOf(arm: AuditArm, publishers: number, scale: Scale): Promise<AuditRates> {
  progress(`audit: rates, publishers: ${publishers}`);
  const own = { raw: [] as number[], engine: [] as number[] };
  // The first round finds everything cold; it is not counted.
  for (let round = 0; round <= scale.publishRounds; round++) {
    const clients = round % 2 === 0 ? (['raw', 'engine'] as const) : (['engine', 'raw'] as const);
    for (const client of clients) {
      const rate = await quietRate(arm, publishers, client, scale.publishEvents);
      if (round > 0) own[client].push(rate);
    }
  }
  return {
    publishers,
    raw: estimate(own.raw),
    stream: estimate(own.engine),
    streamRatio: estimate(own.engine.map((rate, round) => rate / (own.raw[round] as number))),
    ...(await pipeline(arm, publishers, scale.pipelineEvents)),
  };
}

async function quietRate(arm: AuditArm, publishers: number, client: 'raw' | 'engine', events: number): Promise<number> {
  const startMs = performance.now();
  await arm.publish(publishers, events * publishers, { client, servers: arm.quietServers });
  return (events * publishers * 1000) / (performance.now() - startMs);
}

async function pipeline(arm: AuditArm, publishers: number, events: number) {
  const [status, sink] = [(await arm.inStatus()) + events, arm.inSink() + events];
  const startMs = performance.now();
  const published = arm
    .publish(publishers, events, { client: 'engine', servers: arm.servers })
    .then(() => performance.now() - startMs);
  const [streamMs, statusMs, sinkMs] = await Promise.all([
    published,
    untilCounted('the statuses to count all', status, () => arm.inStatus()),
    untilCounted('the sink to have all', sink, () => arm.inSink()),
  ]);
  const rate = (tookMs: number) => (events * 1000) / tookMs;
  return { events, toStream: rate(streamMs), toStatus: rate(statusMs), toSink: rate(sinkMs) };
}

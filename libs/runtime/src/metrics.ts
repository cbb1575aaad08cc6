import type * as PromClient from 'prom-client';
import { Counter, Gauge, Histogram, Registry } from './prom-client-parts.ts';

interface Described<L extends string> {
  name: string;
  help: string;
  labels?: readonly L[];
}

export interface Metrics {
  registry: PromClient.Registry;
  counter<L extends string>(described: Described<L>): PromClient.Counter<L>;
  gauge<L extends string>(described: Described<L>): PromClient.Gauge<L>;
  /** Buckets in seconds. */
  histogram<L extends string>(described: Described<L> & { buckets?: number[] }): PromClient.Histogram<L>;
}

/** The API server's own admission buckets reach from 5 ms to 10 s; ours begin lower, where decisions are. */
const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A registry of its own for one service. Labels are few: policy, type, decision, code. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    counter: ({ name, help, labels = [] }) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: ({ name, help, labels = [] }) => new Gauge({ name, help, labelNames: [...labels], registers }),
    histogram: ({ name, help, labels = [], buckets = BUCKETS_SECONDS }) =>
      new Histogram({ name, help, labelNames: [...labels], buckets, registers }),
  };
}

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
  /** `collect`: asked for the value when somebody looks; undefined is told as NaN, which no alert compares with. */
  gauge<L extends string>(described: Described<L> & { collect?: () => number | undefined }): PromClient.Gauge<L>;
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
    gauge: ({ name, help, labels = [], collect }) => {
      const described = { name, help, labelNames: [...labels], registers };
      if (!collect) return new Gauge(described);
      return new Gauge({
        ...described,
        collect() {
          this.set(collect() ?? Number.NaN);
        },
      });
    },
    histogram: ({ name, help, labels = [], buckets = BUCKETS_SECONDS }) =>
      new Histogram({ name, help, labelNames: [...labels], buckets, registers }),
  };
}

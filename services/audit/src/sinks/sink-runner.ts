import type { Bus, Delivery, DeliveryBatch, StreamMessage } from '@jspolicy/bus';
import { sinkConsumer, VIOLATIONS_STREAM, type ViolationSink, violationSubject } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import { type Logger, pause } from '@jspolicy/runtime';
import {
  batchOf,
  filterOf,
  type Matches,
  type ReadSecret,
  SecretMissingError,
  type SinkContext,
  type SinkEvent,
  startOf,
} from '@jspolicy/sinks';
import { readEvent } from '../read-event.ts';
import { SinkFigures } from './sink-figures.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import { readSinkStatus, writeSinkStatus } from './sink-status.ts';
import { SinkWriter } from './sink-writer.ts';

/** Often enough for people who look, and seldom enough for an API server. */
const STATUS_MS = 2_000;

export interface RunnerParts {
  sink: ViolationSink;
  bus: Pick<Bus, 'deliveries'>;
  cluster: Cluster;
  log: Logger;
  metrics: SinkMetrics;
  readSecret: ReadSecret;
  context: Omit<SinkContext, 'name' | 'signal'>;
}

/** Delivers to one sink, as its spec was when this was made. */
export class SinkRunner {
  readonly #parts: RunnerParts;
  readonly #name: string;
  readonly #writer: SinkWriter;
  readonly #matches: Matches;
  readonly #figures = new SinkFigures();
  readonly #stopping = new AbortController();
  #delivery: Delivery | undefined;
  #telling: Promise<void> = Promise.resolve();
  #turn: AbortSignal | undefined;

  /** The spec has no problems. */
  constructor(parts: RunnerParts) {
    const { sink, context, readSecret } = parts;
    this.#parts = parts;
    this.#name = sink.metadata.name;
    this.#writer = new SinkWriter({ spec: sink.spec, readSecret, context: { ...context, name: this.#name } });
    this.#matches = filterOf(sink.spec.filter);
  }

  async start(): Promise<void> {
    const { sink, bus } = this.#parts;
    const subjects = subjectsOf(sink);
    this.#delivery = await bus.deliveries.begin({
      stream: VIOLATIONS_STREAM,
      durable: sinkConsumer(this.#name, sink.metadata.uid ?? ''),
      ...(subjects && { subjects }),
      start: startOf(sink.spec.from) ?? 'New',
      batch: batchOf(sink.spec),
      paused: sink.spec.paused === true,
      onTurn: (signal) => {
        this.#turn = signal;
        this.#figures.reset();
        this.#telling = this.#telling.then(() => this.#tell(signal));
      },
      handler: (batch) => this.#handle(batch),
    });
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#delivery?.stop();
    await this.#telling;
    await this.#writer.close();
  }

  async #handle(batch: DeliveryBatch): Promise<void> {
    const events: SinkEvent[] = [];
    const bySequence = new Map(batch.messages.map((message) => [message.sequence, message]));
    for (const message of batch.messages) {
      const event = await this.#wanted(message, batch);
      if (event) events.push(event);
    }
    const settle = ({ sequence }: SinkEvent) => {
      const message = bySequence.get(sequence);
      if (message) batch.settle(message);
    };
    await this.#writer.write(events, {
      signal: batch.signal,
      onTaken: (taken) => {
        for (const event of taken) settle(event);
        this.#figures.taken(taken.length);
        this.#parts.metrics.delivered.inc({ sink: this.#name }, taken.length);
      },
      onRefused: async ({ sequence }, reason) => {
        const message = bySequence.get(sequence);
        if (message) await this.#bury(batch, message, reason);
      },
      onFailed: (error) => this.#failed(error),
    });
  }

  /** undefined: settled, because the filter leaves it out or because it is no event. */
  async #wanted(message: StreamMessage, batch: DeliveryBatch): Promise<SinkEvent | undefined> {
    const read = readEvent(message);
    if (typeof read === 'string') {
      await this.#bury(batch, message, `violation cannot be read: ${read}`);
      return undefined;
    }
    const { event, sequence } = read;
    if (this.#matches(event)) return { event, sequence, json: JSON.stringify(event) };
    batch.settle(message);
    return undefined;
  }

  async #bury(batch: DeliveryBatch, message: StreamMessage, reason: string): Promise<void> {
    await batch.bury(message, { reason, sink: this.#name });
    const { sequence } = message;
    this.#parts.log.error({ sink: this.#name, sequence, why: reason }, 'violation is a dead letter of a sink');
    this.#parts.metrics.dead.inc({ sink: this.#name });
    this.#figures.refused(reason);
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (!this.#figures.trouble)
      this.#parts.log.warn({ sink: this.#name, why: message }, 'sink does not take violations now');
    this.#figures.failed(message, error instanceof SecretMissingError ? 'SecretMissing' : 'Failing');
    this.#parts.metrics.failed.inc({ sink: this.#name });
  }

  /** Keeps the status of the sink and its metrics current while this process has its turn. */
  async #tell(turn: AbortSignal): Promise<void> {
    const { cluster } = this.#parts;
    let base = false;
    while (this.#turn === turn) {
      try {
        if (!base) this.#figures.startFrom(await readSinkStatus(cluster, this.#name));
        base = true;
        await this.#tellOnce();
      } catch (err) {
        this.#parts.log.debug({ err, sink: this.#name }, 'status of a sink is not told now');
      }
      if (turn.aborted) return;
      await pause(STATUS_MS, turn);
    }
  }

  async #tellOnce(): Promise<void> {
    const { sink, cluster, metrics } = this.#parts;
    const state = await this.#delivery?.state();
    if (!state) return;
    const dropped = this.#figures.lookForDropped(state);
    const figures = this.#figures.status(state);
    if (dropped > 0) {
      metrics.dropped.inc({ sink: this.#name }, dropped);
      this.#parts.log.error(
        { sink: this.#name, violations: dropped },
        'the stream dropped violations before a sink had them',
      );
    }
    metrics.pending.set({ sink: this.#name }, figures.pending ?? 0);
    metrics.lag.set({ sink: this.#name }, figures.lagSeconds ?? 0);
    const { generation = 0, uid = '' } = sink.metadata;
    await writeSinkStatus(cluster, this.#name, uid, { generation, figures, verdict: this.#verdict() });
  }

  #verdict() {
    const { trouble } = this.#figures;
    if (this.#parts.sink.spec.paused)
      return { status: 'False', reason: 'Paused', message: 'spec.paused is true' } as const;
    if (trouble) return { status: 'False', ...trouble } as const;
    return { status: 'True', reason: 'Delivering', message: '' } as const;
  }
}

/** The server leaves out the others, where policies are named without wildcards. */
function subjectsOf({ spec: { filter } }: ViolationSink): string[] | undefined {
  const policies = filter?.policies;
  if (!policies || policies.some((name) => name.includes('*'))) return undefined;
  return [...new Set(policies.map(violationSubject))];
}

import type { Bus } from '@jspolicy/bus';
import { SINK_CONSUMER_PREFIX, sinkConsumer, VIOLATIONS_STREAM, type ViolationSink } from '@jspolicy/contracts';
import type { Cluster, Running } from '@jspolicy/kube';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { oneLine, type ReadSecret, type SinkContext, sinkProblems } from '@jspolicy/sinks';
import type { RetryTarget } from './dead-retry.ts';
import { SINKS } from './resource-types.ts';
import { forgetSink, type SinkMetrics } from './sink-metrics.ts';
import { SinkRunner } from './sink-runner.ts';
import { readSinkStatus, writeSinkStatus } from './sink-status.ts';

/** This replica has just begun: another one may have the turn. */
const NOT_YET: RetryTarget = { paused: false, hasTurn: false, retry: async () => 'it is being started' };
const RETRY = { baseMs: 500, maxMs: 30_000 };

export interface KeeperParts {
  bus: Bus;
  cluster: Cluster;
  log: Logger;
  metrics: SinkMetrics;
  readSecret: ReadSecret;
  context: Omit<SinkContext, 'name' | 'signal'>;
}

/** What is there for one name. Changes of it wait for each other. */
interface Kept {
  sink: ViolationSink;
  runner: SinkRunner | undefined;
  /** What is wrong with its settings. */
  problem?: string;
  changed: AbortController;
  done: Promise<void>;
}

/** Has a runner for each ViolationSink, as they come, change and go. */
export class SinkKeeper {
  readonly #parts: KeeperParts;
  readonly #kept = new Map<string, Kept>();
  readonly #watch: Running;
  #cleaning: Promise<void> | undefined;
  #isListed = false;
  #stopped = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#watch = parts.cluster.watch(SINKS, {
      onChange: (object) => this.#onChange(object as ViolationSink),
      onDelete: ({ metadata: { name } }) => this.#onDelete(name),
      onSynced: () => {
        this.#isListed = true;
        this.#cleaning = this.#removeOrphans().catch((err) =>
          parts.log.warn({ err }, 'consumers of sinks that are gone stay'),
        );
      },
      onError: (err) => parts.log.debug({ err }, 'sinks cannot be watched now'),
    });
  }

  /** What delivers to a sink; a text: why nothing does; undefined: there is no such sink. */
  targetOf(name: string): RetryTarget | string | undefined {
    const kept = this.#kept.get(name);
    if (kept) return kept.runner ?? kept.problem ?? NOT_YET;
    return this.#isListed ? undefined : NOT_YET;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watch.stop();
    for (const kept of this.#kept.values()) kept.changed.abort();
    await Promise.all([this.#cleaning, ...[...this.#kept.values()].map(({ done }) => done)]);
    await Promise.all([...this.#kept.values()].map(({ runner }) => runner?.stop()));
  }

  #onChange(sink: ViolationSink): void {
    if (this.#stopped) return;
    const { name, uid, generation } = sink.metadata;
    const before = this.#kept.get(name);
    const same = before?.sink.metadata.uid === uid && before?.sink.metadata.generation === generation;
    if (before && same) {
      before.sink = sink;
      return;
    }
    before?.changed.abort();
    const kept: Kept = { sink, runner: undefined, changed: new AbortController(), done: Promise.resolve() };
    this.#kept.set(name, kept);
    kept.done = this.#replace(before, kept);
  }

  #onDelete(name: string): void {
    const before = this.#kept.get(name);
    if (!before || this.#stopped) return;
    before.changed.abort();
    this.#kept.delete(name);
    this.#cleaning = this.#remove(before);
  }

  async #replace(before: Kept | undefined, kept: Kept): Promise<void> {
    await before?.done;
    await before?.runner?.stop();
    if (before && before.sink.metadata.uid !== kept.sink.metadata.uid) await this.#removeConsumer(before.sink);
    for (let failures = 0; !kept.changed.signal.aborted; failures++) {
      try {
        return await this.#begin(kept);
      } catch (err) {
        this.#parts.log.warn({ err, sink: kept.sink.metadata.name }, 'sink cannot be started now');
        await pause(backoffMs(failures, RETRY), kept.changed.signal);
      }
    }
  }

  async #begin(kept: Kept): Promise<void> {
    const { sink } = kept;
    const problems = [...sinkProblems(sink.spec), ...(await this.#startProblems(sink))];
    if (problems.length > 0) return this.#refuse(kept, problems);
    const runner = new SinkRunner({ ...this.#parts, sink });
    await runner.start();
    kept.runner = runner;
    this.#parts.log.info({ sink: sink.metadata.name, type: sink.spec.type }, 'sink is served');
  }

  /** The API server refuses it by the kind's schema; files have nobody who does. */
  async #startProblems({ metadata: { name }, spec }: ViolationSink): Promise<string[]> {
    const { from: before } = await readSinkStatus(this.#parts.cluster, name);
    const { from = 'New' } = spec ?? {};
    return before === undefined || before === from
      ? []
      : [`spec.from: cannot be changed, it was ${before}: make a sink of another name`];
  }

  async #refuse(kept: Kept, problems: string[]): Promise<void> {
    const { name, uid = '', generation = 0 } = kept.sink.metadata;
    const message = oneLine(problems.join('; '));
    kept.problem = message;
    this.#parts.log.warn({ sink: name, problems }, 'sink has wrong settings');
    const verdict = { status: 'False', reason: 'WrongSettings', message } as const;
    await writeSinkStatus(this.#parts.cluster, name, uid, { generation, verdict });
  }

  async #remove(kept: Kept): Promise<void> {
    await kept.done;
    await kept.runner?.stop();
    await this.#removeConsumer(kept.sink);
    forgetSink(this.#parts.metrics, kept.sink.metadata.name);
    this.#parts.log.info({ sink: kept.sink.metadata.name }, 'sink is gone');
  }

  /** What cannot be removed now is an orphan of the next start. */
  async #removeConsumer({ metadata: { name, uid = '' } }: ViolationSink): Promise<void> {
    const { bus, log } = this.#parts;
    const removing = bus.deliveries.remove(VIOLATIONS_STREAM, sinkConsumer(name, uid));
    await removing.catch((err: unknown) => log.warn({ err, sink: name }, 'the consumer of a sink that is gone stays'));
  }

  /** Consumers of sinks that went while nobody looked. The names first: a sink that is made meanwhile is in the list. */
  async #removeOrphans(): Promise<void> {
    const { bus, cluster, log } = this.#parts;
    const names = await bus.deliveries.names(VIOLATIONS_STREAM);
    const sinks = await cluster.list(SINKS);
    const wanted = new Set(sinks.map(({ metadata: { name, uid = '' } }) => sinkConsumer(name, uid)));
    for (const durable of names) {
      if (!durable.startsWith(SINK_CONSUMER_PREFIX) || wanted.has(durable)) continue;
      await bus.deliveries.remove(VIOLATIONS_STREAM, durable);
      log.info({ durable }, 'consumer of a sink that is gone is removed');
    }
  }
}

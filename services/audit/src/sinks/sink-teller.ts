import type { DeliveryState } from '@jspolicy/bus';
import type { ViolationSink } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { retryOf } from '@jspolicy/sinks';
import type { Failure, SinkConnection } from './sink-connection.ts';
import type { SinkFigures } from './sink-figures.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import { readSinkStatus, writeSinkStatus } from './sink-status.ts';

/** Often enough for people who look, and seldom enough for an API server. */
const STATUS_MS = 2_000;

export interface TellerParts {
  sink: ViolationSink;
  cluster: Cluster;
  log: Logger;
  metrics: SinkMetrics;
  figures: SinkFigures;
  connection: SinkConnection;
  /** Undefined until the delivery has begun. */
  state(): Promise<DeliveryState> | undefined;
  /** Something is being written now. */
  isWriting(): boolean;
}

/** Once for each time that a sink is in trouble, whether it was found before there was anything to send or by sending. */
export const logTrouble = (log: Logger, sink: string, why: string): void =>
  log.warn({ sink, why }, 'sink does not take violations now');

/** Keeps the status of a sink and its metrics current. */
export class SinkTeller {
  readonly #parts: TellerParts;
  readonly #name: string;
  #looks = 0;
  #lookAgainMs = 0;
  #looking: Promise<void> | undefined;

  constructor(parts: TellerParts) {
    this.#parts = parts;
    this.#name = parts.sink.metadata.name;
  }

  /** From the status as it is when the turn begins, until the turn has ended and what was counted in it is told. */
  async tell(turn: AbortSignal): Promise<void> {
    const { cluster, figures, log } = this.#parts;
    let base = false;
    this.#lookAgainMs = 0;
    for (;;) {
      const ended = turn.aborted;
      try {
        if (!base) figures.startFrom(await readSinkStatus(cluster, this.#name));
        base = true;
        // It may take as long as an attempt; the figures do not wait for that.
        this.#looking ??= this.#lookWhetherReady(turn).finally(() => (this.#looking = undefined));
        const looked = new AbortController();
        await Promise.race([this.#looking, pause(STATUS_MS, AbortSignal.any([turn, looked.signal]))]);
        looked.abort();
        await this.#tellOnce();
      } catch (err) {
        log.debug({ err, sink: this.#name }, 'status of a sink is not told now');
      }
      if (ended) return;
      await pause(STATUS_MS, turn);
    }
  }

  /** While there is nothing to send, what is missing is told before there is. */
  async #lookWhetherReady(turn: AbortSignal): Promise<void> {
    const { sink, figures, connection, isWriting } = this.#parts;
    if (turn.aborted || isWriting() || sink.spec.paused === true || performance.now() < this.#lookAgainMs) return;
    let failure: Failure | undefined;
    try {
      failure = await connection.open(turn);
    } catch {
      // The turn is over, or the connection: nothing was found out.
      return;
    }
    if (failure) {
      if (!figures.trouble) logTrouble(this.#parts.log, this.#name, failure.text);
      figures.unready({ reason: failure.reason, message: failure.text });
      this.#lookAgainMs = performance.now() + backoffMs(this.#looks++, retryOf(sink.spec));
    } else {
      if (this.#looks > 0) figures.ready();
      this.#looks = 0;
    }
  }

  async #tellOnce(): Promise<void> {
    const { sink, cluster, metrics, log, figures } = this.#parts;
    const state = await this.#parts.state();
    if (!state) return;
    const dropped = figures.lookForDropped(state);
    const status = figures.status(state);
    if (dropped > 0) {
      metrics.dropped.inc({ sink: this.#name }, dropped);
      log.error({ sink: this.#name, violations: dropped }, 'the stream dropped violations before a sink had them');
    }
    metrics.pending.set({ sink: this.#name }, status.pending ?? 0);
    metrics.lag.set({ sink: this.#name }, status.lagSeconds ?? 0);
    const { generation = 0, uid = '' } = sink.metadata;
    const { from = 'New' } = sink.spec;
    await writeSinkStatus(cluster, this.#name, uid, {
      generation,
      figures: { ...status, from },
      verdict: this.#verdict(),
    });
  }

  #verdict() {
    const { trouble, notice } = this.#parts.figures;
    if (this.#parts.sink.spec.paused)
      return { status: 'False', reason: 'Paused', message: 'spec.paused is true' } as const;
    if (trouble) return { status: 'False', ...trouble } as const;
    return { status: 'True', reason: 'Delivering', message: notice } as const;
  }
}

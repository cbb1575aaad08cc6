import type { Bus, Running, StreamMessage } from '@jspolicy/bus';
import { VIOLATIONS_STREAM, type ViolationObject } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { readEvent } from '../read-event.ts';
import { LiveObjects, SETTLED_MS } from './live-objects.ts';
import { LivePolicies } from './live-policies.ts';
import { findReportApi, type ReportApi } from './report-api.ts';
import { type Finding, type ModelLimits, ReportModel } from './report-model.ts';
import { ReportSync } from './report-sync.ts';
import { ReportWriter, removeEarlierReports } from './report-writer.ts';

/** One report is written at most so often, and all in one go. */
const TICK_MS = 1_000;
/** What only time takes away is looked for so often. */
const SWEEP_MS = 15_000;
const RETRY = { baseMs: 1_000, maxMs: 60_000 };

export interface ReportParts {
  cluster: Cluster;
  bus: Pick<Bus, 'replay'>;
  log: Logger;
  limits: ModelLimits;
  /** What is older than the record keeps is no longer reported. */
  maxAgeMs: number;
  onWritten(): void;
  onReports(count: number): void;
}

/** Keeps the reports as the stream has them, from its start on; by one replica at a time. */
export class ReportTerm implements Running {
  readonly #parts: ReportParts;
  readonly #model: ReportModel;
  readonly #policies: LivePolicies;
  readonly #objects: LiveObjects;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #caughtUp = false;
  #sweepAtMs = 0;

  constructor(parts: ReportParts) {
    this.#parts = parts;
    const { cluster, log, limits } = parts;
    this.#model = new ReportModel(limits);
    const onGone = () => {
      this.#sweepAtMs = 0;
    };
    const onAnnotations = (policy: string) => this.#model.touch(({ result }) => result.policy === policy);
    this.#policies = new LivePolicies({ cluster, log, onGone, onAnnotations });
    this.#objects = new LiveObjects({ cluster, log, onGone });
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { bus } = this.#parts;
    const handler = (message: StreamMessage) => this.#take(message);
    const onCaughtUp = () => {
      this.#caughtUp = true;
    };
    const replay = bus.replay({ stream: VIOLATIONS_STREAM, handler, onCaughtUp });
    const sync = await this.#insistently(() => this.#open());
    while (sync && !this.#stopping.signal.aborted) {
      if (this.#caughtUp && this.#policies.synced) await this.#tick(sync);
      await pause(TICK_MS, this.#stopping.signal);
    }
    await replay.stop();
    await this.#policies.stop();
    await this.#objects.stop();
  }

  #take(message: StreamMessage): void {
    const delivery = readEvent(message);
    // Whoever writes the status tells of what cannot be read.
    if (typeof delivery === 'string') return;
    const { apiVersion, kind } = delivery.event.data.object;
    if (this.#model.add(delivery.event) && apiVersion && kind) this.#objects.follow(apiVersion, kind);
  }

  async #open(): Promise<ReportSync> {
    const { cluster, log, onWritten } = this.#parts;
    const api = await this.#api();
    const removed = await removeEarlierReports(cluster, api);
    if (removed > 0) log.info({ removed }, 'reports that stood in the place of these are removed');
    const writer = new ReportWriter(cluster, api);
    const existing = await writer.readExisting();
    const { annotationsOf } = this.#policies;
    const stopping = this.#stopping.signal;
    return new ReportSync({ api, writer, existing, model: this.#model, annotationsOf, log, onWritten, stopping });
  }

  async #api(): Promise<ReportApi> {
    const api = await findReportApi(this.#parts.cluster);
    if (!api) throw new Error('the cluster serves neither openreports.io/v1alpha1 nor wgpolicyk8s.io/v1alpha2');
    return api;
  }

  async #insistently<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        return await work();
      } catch (err) {
        this.#parts.log.warn({ err }, 'reports cannot be written yet');
        await pause(backoffMs(failures++, RETRY), signal);
      }
    }
    return undefined;
  }

  async #tick(sync: ReportSync): Promise<void> {
    if (Date.now() - this.#sweepAtMs >= SWEEP_MS) this.#sweep();
    await sync.flush();
    this.#parts.onReports(this.#model.size);
  }

  #sweep(): void {
    const now = Date.now();
    this.#sweepAtMs = now;
    this.#model.keep((finding, { object }) => {
      const { policyUid, result, timeMs } = finding;
      const kept = now - timeMs <= this.#parts.maxAgeMs;
      return kept && this.#policies.has(result.policy, policyUid) && !this.#isOver(finding, object, now);
    });
  }

  /** Whether the object that the finding is about is gone. An object comes a moment after the finding about it. */
  #isOver({ timeMs, uid, neverWas }: Finding, object: ViolationObject, now: number): boolean {
    const life = this.#objects.lifeOf(object);
    if (!life) return false;
    if (life.goneAtMs !== undefined && timeMs <= life.goneAtMs) return true;
    if (now - timeMs < SETTLED_MS) return false;
    return life.uid === undefined ? !neverWas : uid !== undefined && uid !== life.uid;
  }
}

import { type Bus, type Consumer, connectServiceBus, type Running, topologyAtStart } from '@jspolicy/bus';
import { AUDIT_CONSUMER, VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { type OpenedCluster, openCluster } from '@jspolicy/kube';
import {
  createMetrics,
  type Health,
  type Logger,
  logConfig,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import { auditMetrics } from './audit-metrics.ts';
import { type AuditConfig, readConfig, settings } from './config.ts';
import { followLag } from './lag.ts';
import { keepReports } from './reports/report-keeper.ts';
import { serveSinks } from './sinks/serve-sinks.ts';
import { ViolationHandler } from './violation-handler.ts';
import { ViolationsWriter } from './violations-writer.ts';

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

export function createAudit(context: ServiceContext): Service {
  return new Audit(context);
}

/** Start: health, bus, cluster, consumer, reports, sinks, ready. Stop: reports, sinks, finish the batch at hand, cluster, bus. */
class Audit implements Service {
  readonly #log: Logger;
  readonly #fail: ServiceContext['fail'];
  readonly #config: AuditConfig;
  readonly #metrics = createMetrics();
  readonly #counted = auditMetrics(this.#metrics);
  readonly #stopping = new AbortController();
  #health: Health | undefined;
  #bus: Bus | undefined;
  #opened: OpenedCluster | undefined;
  #consumer: Consumer | undefined;
  #lag: Running | undefined;
  #reports: Running | undefined;
  #sinks: Running | undefined;

  constructor({ env, log, fail }: ServiceContext) {
    this.#log = log;
    this.#fail = fail;
    this.#config = readConfig(env);
    logConfig(settings, this.#config, log);
  }

  async start(): Promise<void> {
    const config = this.#config;
    const log = this.#log;
    const { violationsMaxAgeHours, violationsMaxMiB } = config;
    this.#health = await startHealth(config.healthPort, this.#metrics, this.#log);
    this.#bus = await connectServiceBus({ service: 'audit', config, health: this.#health, log, fail: this.#fail });
    await topologyAtStart(this.#bus, {
      log,
      health: this.#health,
      retention: { maxAgeMs: violationsMaxAgeHours * HOUR_MS, maxBytes: violationsMaxMiB * MIB },
    });
    await keepCopies(this.#bus, log);
    this.#opened = await openCluster({ config, log });
    this.#consumer = await this.#consume(this.#bus, this.#opened);
    this.#lag = followLag(this.#consumer, { log, onPending: (count) => this.#counted.pending.set(count) });
    if (this.#config.policyReports) this.#reports = this.#keepReports(this.#bus, this.#opened);
    this.#sinks = serveSinks({
      bus: this.#bus,
      cluster: this.#opened.cluster,
      log,
      metrics: this.#metrics,
      limits: config,
    });
    this.#health.setReady(true);
  }

  async stop(): Promise<void> {
    this.#health?.setReady(false);
    this.#stopping.abort();
    await this.#reports?.stop();
    await this.#sinks?.stop();
    await this.#lag?.stop();
    await this.#consumer?.stop();
    await this.#opened?.close();
    await this.#bus?.close();
    await this.#health?.stop();
  }

  describe() {
    return { healthPort: this.#health?.port };
  }

  #keepReports(bus: Bus, { cluster }: OpenedCluster): Running {
    const {
      policyReportMaxEvents: maxEvents,
      policyReportMaxReports: maxReports,
      violationsMaxAgeHours,
    } = this.#config;
    return keepReports({
      cluster,
      bus,
      log: this.#log,
      limits: { maxEvents, maxReports },
      maxAgeMs: violationsMaxAgeHours * HOUR_MS,
      onWritten: () => this.#counted.reportWrites.inc(),
      onReports: (count) => this.#counted.reports.set(count),
    });
  }

  #consume(bus: Bus, { cluster }: OpenedCluster): Promise<Consumer> {
    const handler = new ViolationHandler({
      bus,
      log: this.#log,
      writer: new ViolationsWriter({ cluster, stopping: this.#stopping.signal }),
      onConsumed: (count) => this.#counted.consumed.inc(count),
      onWritten: () => this.#counted.writes.inc(),
      // The first batch may come before the consumer is told; nothing is given up then.
      settledUpTo: async () => (await this.#consumer?.settledUpTo()) ?? 0,
    });
    return bus.consume({
      stream: VIOLATIONS_STREAM,
      durable: AUDIT_CONSUMER,
      batch: this.#config.batch,
      handler: (messages) => handler.handle(messages),
      onDead: () => this.#counted.dead.inc(),
    });
  }
}

/** A record with one copy would be away with its server, and lost with its volume; without it audit works all the same. */
async function keepCopies(bus: Bus, log: Logger): Promise<void> {
  try {
    const streams = await bus.ensureCopies('record');
    if (streams.length > 0) log.info({ streams }, 'streams have more copies now');
  } catch (err) {
    log.warn({ err }, 'streams have too few copies, it is tried again at the next start');
  }
}

import { type Bus, connectServiceBus, type Running } from '@jspolicy/bus';
import { EVALUATE_SUBJECTS, EVALUATOR_QUEUE } from '@jspolicy/contracts';
import { CachedReader, Fetcher, hostFunctions } from '@jspolicy/host-functions';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { createSandboxPool, type Sandbox } from '@jspolicy/sandbox';
import { LazyCluster } from './cluster.ts';
import { type EvaluatorConfig, readConfig } from './config.ts';
import { evaluatorMetrics } from './evaluator-metrics.ts';
import { PolicyLookup } from './policy-lookup.ts';
import { PolicyTable } from './policy-table.ts';
import { QuarantineReporter } from './quarantine-reporter.ts';
import { ReviewEvaluator, type ReviewEvaluatorParts } from './review-evaluator.ts';
import { readReviewInfo } from './review-info.ts';
import { Spools } from './spools.ts';
import { ViolationRecorder } from './violation-recorder.ts';
import { watchPolicies } from './watch-policies.ts';

const MIB = 1024 * 1024;

export function createEvaluator(context: ServiceContext): Service {
  return new Evaluator(context);
}

/**
 * Start: health, bus, sandbox, policies with their bundles, requests, ready. Stop: not ready, no new requests, what is in
 * flight, violations, sandbox, cluster, bus.
 */
class Evaluator implements Service {
  readonly #context: ServiceContext;
  readonly #config: EvaluatorConfig;
  readonly #metrics = createMetrics();
  readonly #counted = evaluatorMetrics(this.#metrics);
  readonly #cluster: LazyCluster;
  readonly #fetcher: Fetcher;
  #health: Health | undefined;
  #bus: Bus | undefined;
  #quarantines: QuarantineReporter | undefined;
  #sandbox: Sandbox | undefined;
  #table: PolicyTable | undefined;
  #spools: Spools | undefined;
  #recorder: ViolationRecorder | undefined;
  #watch: Running | undefined;
  #requests: Running | undefined;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#config = readConfig(context.env);
    this.#cluster = new LazyCluster(this.#config, this.#counted, context.log);
    this.#fetcher = new Fetcher(this.#config.fetchHosts);
  }

  async start(): Promise<void> {
    const { log, fail } = this.#context;
    const { evaluatorId, healthPort, spoolDir, spoolMaxMiB } = this.#config;
    const metrics = this.#counted;
    this.#health = await startHealth(healthPort, this.#metrics);
    const spool = await Spools.open({ dir: spoolDir, maxBytes: spoolMaxMiB * MIB, log });
    this.#spools = spool;
    const bus = await connectServiceBus({ name: evaluatorId, config: this.#config, health: this.#health, log, fail });
    this.#bus = bus;
    await bus.ensureTopology();
    this.#quarantines = new QuarantineReporter({ evaluatorId, bus, metrics, log });
    const sandbox = this.#startSandbox(this.#quarantines);
    this.#sandbox = sandbox;
    const table = new PolicyTable({ bus, sandbox, log });
    this.#table = table;
    this.#watch = await watchPolicies(bus, table);
    const recorder = new ViolationRecorder({ bus, spool, log, metrics });
    this.#recorder = recorder;
    recorder.start();
    spool.follow(() => recorder.start());
    const evaluator = this.#reviewEvaluator({ lookup: new PolicyLookup(table, bus), sandbox, recorder });
    this.#requests = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, (request) => evaluator.handle(request));
    this.#health.setReady(true);
  }

  async stop(): Promise<void> {
    this.#health?.setReady(false);
    await this.#requests?.stop();
    await this.#watch?.stop();
    this.#table?.stop();
    await this.#recorder?.stop();
    await this.#spools?.close();
    await this.#sandbox?.stop();
    this.#quarantines?.stop();
    await this.#cluster.close();
    this.#fetcher.close();
    await this.#bus?.close();
    await this.#health?.stop();
  }

  describe() {
    return { evaluatorId: this.#config.evaluatorId, healthPort: this.#health?.port };
  }

  #startSandbox(quarantines: QuarantineReporter): Sandbox {
    const { sandboxProcesses: processes, sandboxMemoryMiB: memoryLimitMiB } = this.#config;
    const onQuarantine = quarantines.report.bind(quarantines);
    return createSandboxPool({ processes, memoryLimitMiB, log: this.#context.log, onQuarantine });
  }

  #reviewEvaluator(parts: Pick<ReviewEvaluatorParts, 'lookup' | 'sandbox' | 'recorder'>): ReviewEvaluator {
    const { env, log } = this.#context;
    const { evaluatorId, maxInFlight, envPrefixes, filesDir } = this.#config;
    const open = async () => (await this.#cluster.get()).cluster;
    const reader = new CachedReader(() => this.#cluster.get());
    const granted = { reader, fetcher: this.#fetcher, filesDir, env, envPrefixes };
    const shared = { ...parts, evaluatorId, maxInFlight, metrics: this.#counted, log };
    return new ReviewEvaluator({
      ...shared,
      hostFunctions: (policy, review) =>
        hostFunctions({
          ...granted,
          // Read only when a policy writes: elsewhere the sandbox alone parses the review.
          writer: { open, isDryRun: () => readReviewInfo(review).dryRun },
          onPrint: (line) => log.info({ policy }, `[${policy}] ${line}`),
        }),
    });
  }
}

import { randomUUID } from 'node:crypto';
import { type Bus, connectServiceBus, type Running, topologyAtStart } from '@jspolicy/bus';
import { EVALUATE_SUBJECTS, EVALUATOR_QUEUE } from '@jspolicy/contracts';
import { CachedReader, Fetcher, hostFunctions } from '@jspolicy/host-functions';
import {
  createMetrics,
  type Health,
  logConfig,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import { createSandboxPool, type Sandbox } from '@jspolicy/sandbox';
import { CatchingUp } from './catching-up.ts';
import { LazyCluster } from './cluster.ts';
import { type EvaluatorConfig, readConfig, settings } from './config.ts';
import { evaluatorMetrics } from './evaluator-metrics.ts';
import { InForceAnswers } from './in-force-answers.ts';
import { onlyCurrent } from './only-current.ts';
import { PolicyLookup } from './policy-lookup.ts';
import { PolicyTable } from './policy-table.ts';
import { Presence } from './presence.ts';
import { QuarantineReporter } from './quarantine-reporter.ts';
import { ReviewEvaluator, type ReviewEvaluatorParts } from './review-evaluator.ts';
import { readReviewInfo } from './review-info.ts';
import { Spools } from './spools.ts';
import { ViolationRecorder } from './violation-recorder.ts';
import { watchPolicies } from './watch-policies.ts';
import { ControllerWork } from './work/controller-work.ts';
import { FollowedCreates } from './work/followed-creates.ts';
import { WorkEvaluator } from './work/work-evaluator.ts';
import { WorkSandbox } from './work/work-sandbox.ts';

const MIB = 1024 * 1024;
const SECOND_MS = 1_000;
/** Objects of one policy for each process: while one is evaluated others are read. */
const WORK_PER_PROCESS = 4;

export function createEvaluator(context: ServiceContext): Service {
  return new Evaluator(context);
}

/**
 * Start: health, bus, sandbox, policies with their bundles, presence, requests, ready. Stop: not ready, no new requests, what is in
 * flight, work, presence, violations, sandbox, cluster, bus.
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
  #workSandbox: WorkSandbox | undefined;
  #work: ControllerWork | undefined;
  #table: PolicyTable | undefined;
  #spools: Spools | undefined;
  #recorder: ViolationRecorder | undefined;
  #watch: Running | undefined;
  #requests: Running | undefined;
  #answers: InForceAnswers | undefined;
  #presence: Presence | undefined;
  #isServing = false;
  /** False while no sandbox process can be started. */
  #canEvaluate = true;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#config = readConfig(context.env);
    logConfig(settings, this.#config, context.log);
    this.#cluster = new LazyCluster(this.#config, this.#counted, context.log);
    this.#fetcher = new Fetcher(this.#config.fetchHosts);
  }

  async start(): Promise<void> {
    const { log, fail } = this.#context;
    const { evaluatorId, healthPort, spoolDir, spoolMaxMiB, spoolDrainSeconds } = this.#config;
    const metrics = this.#counted;
    this.#health = await startHealth(healthPort, this.#metrics, log);
    const onAside = (lines: number) => metrics.violationsAside.inc(lines);
    const spool = await Spools.open({ dir: spoolDir, maxBytes: spoolMaxMiB * MIB, log, onAside });
    this.#spools = spool;
    const bus = await connectServiceBus({
      service: 'evaluator',
      name: evaluatorId,
      config: this.#config,
      health: this.#health,
      log,
      fail,
    });
    this.#bus = bus;
    await topologyAtStart(bus, { log, health: this.#health });
    this.#quarantines = new QuarantineReporter({ evaluatorId, bus, metrics, log });
    const sandbox = this.#startSandbox(this.#quarantines, this.#config.sandboxProcesses, (available) => {
      this.#canEvaluate = available;
      this.#tellReady();
    });
    this.#sandbox = sandbox;
    const lastDrainMs = spoolDrainSeconds * SECOND_MS;
    const recorder = new ViolationRecorder({ bus, spool, log, metrics, lastDrainMs });
    this.#recorder = recorder;
    recorder.start();
    spool.follow(() => recorder.start());
    const onChange = (policy: string) => {
      this.#work?.changed(policy);
      this.#answers?.changed(policy);
    };
    const table = new PolicyTable({ bus, sandbox, log, onChange });
    this.#table = table;
    this.#work = this.#controllerWork({ bus, table, recorder, quarantines: this.#quarantines });
    this.#watch = await watchPolicies(bus, table);
    const evaluator = this.#reviewEvaluator({ lookup: new PolicyLookup(table, bus), sandbox, recorder });
    const catchingUp = new CatchingUp({ bus, table, log });
    const presence = this.#present({ bus, table, catchingUp });
    // What changed before others knew of this evaluator, they did not wait for it to have.
    await catchingUp.begin();
    const handler = onlyCurrent({ presence, catchingUp, handler: (request) => evaluator.handle(request) });
    this.#requests = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, handler);
    this.#isServing = true;
    this.#tellReady();
  }

  async stop(): Promise<void> {
    this.#isServing = false;
    this.#tellReady();
    await Promise.all([this.#requests?.stop(), this.#work?.stop()]);
    await this.#presence?.stop();
    await Promise.all([this.#watch?.stop(), this.#answers?.stop()]);
    this.#table?.stop();
    await this.#recorder?.stop();
    await this.#spools?.close();
    await Promise.all([this.#sandbox?.stop(), this.#workSandbox?.stop()]);
    this.#quarantines?.stop();
    await this.#cluster.close();
    this.#fetcher.close();
    await this.#bus?.close();
    await this.#health?.stop();
  }

  describe() {
    return { evaluatorId: this.#config.evaluatorId, healthPort: this.#health?.port };
  }

  #startSandbox(
    quarantines: QuarantineReporter,
    processes: number,
    onAvailable?: (available: boolean) => void,
  ): Sandbox {
    const { sandboxMemoryMiB: memoryLimitMiB, globalContext } = this.#config;
    const onQuarantine = quarantines.report.bind(quarantines);
    const told = onAvailable ? { onAvailable } : {};
    return createSandboxPool({
      processes,
      memoryLimitMiB,
      globalContext,
      log: this.#context.log,
      onQuarantine,
      ...told,
    });
  }

  #present({ bus, table, catchingUp }: { bus: Bus; table: PolicyTable; catchingUp: CatchingUp }): Presence {
    const instance = randomUUID();
    const { evaluatorId: evaluator } = this.#config;
    this.#answers = new InForceAnswers({ bus, table, instance, log: this.#context.log });
    this.#presence = new Presence({ bus, evaluator, instance, onMissed: () => void catchingUp.begin() });
    return this.#presence;
  }

  #tellReady(): void {
    this.#health?.setReady(this.#isServing && this.#canEvaluate);
  }

  #reviewEvaluator(parts: Pick<ReviewEvaluatorParts, 'lookup' | 'sandbox' | 'recorder'>): ReviewEvaluator {
    const { maxInFlight, profiling } = this.#config;
    const own = { maxInFlight, profiling, metrics: this.#counted, log: this.#context.log };
    const shared = { ...parts, ...this.#origin(), ...own };
    return new ReviewEvaluator({ ...shared, hostFunctions: this.#hostFunctions() });
  }

  #controllerWork(parts: WorkParts): ControllerWork {
    const { bus, table, recorder, quarantines } = parts;
    const { workProcesses, profiling } = this.#config;
    const { log } = this.#context;
    const create = () => this.#startSandbox(quarantines, workProcesses);
    const sandbox = new WorkSandbox({ bundles: bus.bundles, create, log });
    this.#workSandbox = sandbox;
    const shared = { bus, table, sandbox, log };
    const creates = new FollowedCreates({
      perHour: this.#config.followedCreatesPerHour,
      onRefused: (policy) => quarantines.reportCreates(policy),
    });
    const own = { ...this.#origin(), recorder, objects: this.#cluster, metrics: this.#counted, creates, profiling };
    const evaluator = new WorkEvaluator({ ...shared, ...own, hostFunctions: this.#hostFunctions() });
    const parallel = workProcesses * WORK_PER_PROCESS;
    return new ControllerWork({ ...shared, parallel, handler: (turn) => evaluator.handle(turn) });
  }

  /** What violations say of where they come from. */
  #origin() {
    const { evaluatorId, clusterName: cluster, violationLabels } = this.#config;
    return { evaluatorId, cluster, violationLabels };
  }

  #hostFunctions(): ReviewEvaluatorParts['hostFunctions'] {
    const { env, log } = this.#context;
    const { envPrefixes, filesDir } = this.#config;
    const open = async () => (await this.#cluster.get()).cluster;
    const reader = new CachedReader(() => this.#cluster.get());
    const granted = { reader, fetcher: this.#fetcher, filesDir, env, envPrefixes };
    return (policy, review) =>
      hostFunctions({
        ...granted,
        // Read only when a policy writes: elsewhere the sandbox alone parses the review.
        writer: { open, isDryRun: () => readReviewInfo(review).dryRun },
        onPrint: (line) => log.info({ policy }, `[${policy}] ${line}`),
      });
  }
}

interface WorkParts {
  bus: Bus;
  table: PolicyTable;
  recorder: ViolationRecorder;
  quarantines: QuarantineReporter;
}

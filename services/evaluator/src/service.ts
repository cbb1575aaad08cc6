import { type Bus, connectBus, type Running } from '@jspolicy/bus';
import { EVALUATE_SUBJECTS, EVALUATOR_QUEUE } from '@jspolicy/contracts';
import { DirectReader, hostFunctions } from '@jspolicy/host-functions';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { createSandboxPool, type Sandbox } from '@jspolicy/sandbox';
import { LazyCluster } from './cluster.ts';
import { readConfig } from './config.ts';
import { evaluatorMetrics } from './evaluator-metrics.ts';
import { PolicyLookup } from './policy-lookup.ts';
import { PolicyTable } from './policy-table.ts';
import { QuarantineReporter } from './quarantine-reporter.ts';
import { ReviewEvaluator } from './review-evaluator.ts';
import { Spool } from './spool.ts';
import { ViolationRecorder } from './violation-recorder.ts';
import { watchPolicies } from './watch-policies.ts';

const MIB = 1024 * 1024;

interface Parts {
  health: Health;
  bus: Bus;
  quarantines: QuarantineReporter;
  sandbox: Sandbox;
  table: PolicyTable;
  recorder: ViolationRecorder;
  watch: Running;
  requests: Running;
}

/**
 * Start: health, bus, sandbox, policies with their bundles, requests, ready. Stop: not ready, no new requests, what is in
 * flight, violations, sandbox, cluster, bus.
 */
export function createEvaluator({ env, log }: ServiceContext): Service {
  const config = readConfig(env);
  const { evaluatorId } = config;
  const metrics = createMetrics();
  const counted = evaluatorMetrics(metrics);
  const cluster = new LazyCluster(config, log);
  const reader = new DirectReader(() => cluster.get());
  const parts: Partial<Parts> = {};

  function startSandbox(quarantines: QuarantineReporter): Sandbox {
    const { sandboxProcesses: processes, sandboxMemoryMiB: memoryLimitMiB } = config;
    const onQuarantine = quarantines.report.bind(quarantines);
    return createSandboxPool({ processes, memoryLimitMiB, log, onQuarantine });
  }

  function reviewEvaluator({ bus, table, sandbox, recorder }: Pick<Parts, 'bus' | 'table' | 'sandbox' | 'recorder'>) {
    const { maxInFlight, envPrefixes } = config;
    const hostFunctionsFor = (policy: string) =>
      hostFunctions({ reader, env, envPrefixes, onPrint: (line) => log.info({ policy }, `[${policy}] ${line}`) });
    const lookup = new PolicyLookup(table, bus);
    const shared = { evaluatorId, maxInFlight, lookup, sandbox, recorder };
    return new ReviewEvaluator({ ...shared, hostFunctions: hostFunctionsFor, metrics: counted, log });
  }

  return {
    async start() {
      parts.health = await startHealth(config.healthPort, metrics);
      const spool = await Spool.open(config.spoolDir, config.spoolMaxMiB * MIB);
      const bus = await connectBus({ servers: config.natsUrl, name: evaluatorId, log });
      parts.bus = bus;
      await bus.ensureTopology();
      parts.quarantines = new QuarantineReporter({ evaluatorId, bus, metrics: counted, log });
      const sandbox = startSandbox(parts.quarantines);
      parts.sandbox = sandbox;
      const table = new PolicyTable({ bus, sandbox, log });
      parts.table = table;
      parts.watch = await watchPolicies(bus, table);
      const recorder = new ViolationRecorder({ bus, spool, log, metrics: counted });
      parts.recorder = recorder;
      recorder.start();
      const evaluator = reviewEvaluator({ bus, table, sandbox, recorder });
      parts.requests = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, (request) => evaluator.handle(request));
      parts.health.setReady(true);
    },
    async stop() {
      parts.health?.setReady(false);
      await parts.requests?.stop();
      await parts.watch?.stop();
      parts.table?.stop();
      await parts.recorder?.stop();
      await parts.sandbox?.stop();
      parts.quarantines?.stop();
      await cluster.close();
      await parts.bus?.close();
      await parts.health?.stop();
    },
    describe: () => ({ evaluatorId, healthPort: parts.health?.port }),
  };
}

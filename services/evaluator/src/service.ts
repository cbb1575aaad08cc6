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
import { ReviewEvaluator } from './review-evaluator.ts';
import { Spool } from './spool.ts';
import { ViolationRecorder } from './violation-recorder.ts';
import { watchPolicies } from './watch-policies.ts';

const MIB = 1024 * 1024;

interface Parts {
  bus: Bus;
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
  const metrics = createMetrics();
  const counted = evaluatorMetrics(metrics);
  const cluster = new LazyCluster(config, log);
  const reader = new DirectReader(() => cluster.get());
  const parts: Partial<Parts> = {};
  let health: Health | undefined;

  function reviewEvaluator({ bus, table, sandbox, recorder }: Pick<Parts, 'bus' | 'table' | 'sandbox' | 'recorder'>) {
    const { evaluatorId, maxInFlight, envPrefixes } = config;
    const hostFunctionsFor = (policy: string) =>
      hostFunctions({ reader, env, envPrefixes, onPrint: (line) => log.info({ policy }, `[${policy}] ${line}`) });
    const lookup = new PolicyLookup(table, bus);
    return new ReviewEvaluator({
      evaluatorId,
      maxInFlight,
      lookup,
      sandbox,
      recorder,
      hostFunctions: hostFunctionsFor,
      metrics: counted,
      log,
    });
  }

  return {
    async start() {
      health = await startHealth(config.healthPort, metrics);
      const spool = await Spool.open(config.spoolDir, config.spoolMaxMiB * MIB);
      const bus = await connectBus({ servers: config.natsUrl, name: config.evaluatorId, log });
      parts.bus = bus;
      await bus.ensureTopology();
      const sandbox = await createSandboxPool({
        processes: config.sandboxProcesses,
        memoryLimitMiB: config.sandboxMemoryMiB,
        log,
      });
      parts.sandbox = sandbox;
      const table = new PolicyTable({ bus, sandbox, log });
      parts.table = table;
      parts.watch = await watchPolicies(bus, table);
      const recorder = new ViolationRecorder({ bus, spool, log, metrics: counted });
      parts.recorder = recorder;
      recorder.start();
      const evaluator = reviewEvaluator({ bus, table, sandbox, recorder });
      parts.requests = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, (request) => evaluator.handle(request));
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      await parts.requests?.stop();
      await parts.watch?.stop();
      parts.table?.stop();
      await parts.recorder?.stop();
      await parts.sandbox?.stop();
      await cluster.close();
      await parts.bus?.close();
      await health?.stop();
    },
    describe: () => ({ evaluatorId: config.evaluatorId, healthPort: health?.port }),
  };
}

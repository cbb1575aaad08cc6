import { type Bus, connectServiceBus, topologyAtStart } from '@jspolicy/bus';
import { installCrds, type OpenedCluster, openCluster, type ToldProblem, versionWarning } from '@jspolicy/kube';
import {
  createMetrics,
  type Health,
  type Logger,
  logConfig,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import { type ControllerConfig, readConfig, settings } from './config.ts';
import { controllerMetrics } from './controller-metrics.ts';
import { Evaluators } from './evaluators.ts';
import { type LeaderParts, startLeading } from './leader.ts';
import { Leadership } from './leadership.ts';
import { LEASE, OnlyEngine } from './only-engine.ts';
import { certificateParts, webhookTarget } from './webhook-target.ts';

const VERSION_MS = 5_000;

export function createController(context: ServiceContext): Service {
  return new Controller(context);
}

/**
 * Start: health, bus, cluster, election unless another engine works, ready. Stop: give the Lease back after the work has
 * ended, cluster, bus.
 */
class Controller implements Service {
  readonly #log: Logger;
  readonly #fail: ServiceContext['fail'];
  readonly #config: ControllerConfig;
  readonly #metrics = createMetrics();
  readonly #counted = controllerMetrics(this.#metrics);
  #health: Health | undefined;
  #bus: Bus | undefined;
  #evaluators: Evaluators | undefined;
  #opened: OpenedCluster | undefined;
  #only: OnlyEngine | undefined;

  constructor({ env, log, fail }: ServiceContext) {
    this.#log = log;
    this.#fail = fail;
    this.#config = readConfig(env);
    logConfig(settings, this.#config, log);
  }

  async start(): Promise<void> {
    const { healthPort } = this.#config;
    this.#health = await startHealth(healthPort, this.#metrics, this.#log);
    this.#bus = await connectServiceBus({
      service: 'controller',
      config: this.#config,
      health: this.#health,
      log: this.#log,
      fail: this.#fail,
    });
    const evaluators = new Evaluators(this.#bus, this.#log);
    this.#evaluators = evaluators;
    await topologyAtStart(this.#bus, { log: this.#log, health: this.#health });
    this.#opened = await this.#openCluster();
    await this.#tellVersion(this.#opened);
    const found = { bus: this.#bus, evaluators, opened: this.#opened };
    this.#only = this.#onlyEngine(found, this.#health);
    await this.#only.start();
    this.#health.setReady(true);
  }

  async stop(): Promise<void> {
    this.#health?.setReady(false);
    await this.#only?.stop();
    await this.#opened?.close();
    await this.#evaluators?.stop();
    await this.#bus?.close();
    await this.#health?.stop();
  }

  describe() {
    return { healthPort: this.#health?.port };
  }

  #openCluster(): Promise<OpenedCluster> {
    const log = this.#log;
    const { namespace } = this.#config;
    const onProblem = (problem: ToldProblem) => log.warn({ ...problem }, 'manifest with a problem');
    return openCluster({ config: this.#config, log, namespace, onProblem });
  }

  /** One that does not answer now is asked for other things soon, and told then. */
  async #tellVersion(opened: OpenedCluster): Promise<void> {
    const signal = AbortSignal.timeout(VERSION_MS);
    const version = (await opened.version?.({ signal }).catch(() => undefined)) ?? '';
    const warning = versionWarning(version);
    if (warning !== undefined) this.#log.warn({ version }, warning);
  }

  #onlyEngine(found: Found, health: Health): OnlyEngine {
    const { namespace, installCrds: install, manifestsDir, crdsDir } = this.#config;
    const only = new OnlyEngine({
      cluster: found.opened.cluster,
      namespace,
      log: this.#log,
      begin: async () => {
        if (install && !manifestsDir) await installCrds(found.opened.cluster, crdsDir);
        return this.#newLeadership(found);
      },
    });
    health.dependsOn(() => only.problem());
    return only;
  }

  #newLeadership(found: Found): Leadership {
    const { identity } = this.#config;
    return new Leadership({
      identity,
      elect: (handler) => found.opened.cluster.elect(LEASE, identity, handler),
      lead: () => startLeading(this.#leaderParts(found)),
      onFailed: this.#fail,
      onLeads: (leads) => this.#counted.leads.set(Number(leads)),
      log: this.#log,
    });
  }

  #leaderParts({ bus, evaluators, opened }: Found): LeaderParts {
    const { compileTimeoutSeconds, unusedBundleSeconds, resyncSeconds, updateWebhook, manifestsDir } = this.#config;
    return {
      cluster: opened.cluster,
      bus,
      evaluators,
      target: webhookTarget(this.#config),
      certificate: certificateParts(this.#config),
      compileTimeoutMs: compileTimeoutSeconds * 1000,
      unusedBundleMs: unusedBundleSeconds * 1000,
      resyncMs: resyncSeconds * 1000,
      // A directory of manifests judges what it reads by itself.
      keepOwnWebhooks: updateWebhook && !manifestsDir,
      writeEvents: !manifestsDir,
      log: this.#log,
      onWrite: (verb, kind) => this.#counted.writes.inc({ verb, kind }),
      onQueued: (name) => this.#counted.queued.inc({ name }),
      onFailed: this.#fail,
    };
  }
}

interface Found {
  bus: Bus;
  evaluators: Evaluators;
  opened: OpenedCluster;
}

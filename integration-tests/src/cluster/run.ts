import { setTimeout as delay } from 'node:timers/promises';
import { type ApiServerCluster, connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { get, helm, kubectl } from './command.ts';
import { failedOpen, install, LOOP_NAMESPACE, NAMESPACE, RELEASE } from './engine.ts';
import { provideImages } from './images.ts';
import { LOOP_POLICIES, type LoopResult, RequestLoop } from './request-loop.ts';
import { policyInForce, SCENARIOS, type ScenarioContext } from './scenarios.ts';
import type { Settings } from './settings.ts';

export interface Outcome {
  scenario: string;
  seconds: number;
  requests: number;
  wrong: number;
  lost: number;
  slowestMs: number;
  problem: string;
  about: string;
}

const AROUND_MS = 2_000;
/** What fails again and again, while servers of NATS come back, waits half a minute between two tries. */
const TOTAL_MS = 180_000;
const POLICIES = {
  group: 'policy.jspolicy.com',
  version: 'v1beta1',
  kind: 'JsPolicy',
  resource: 'jspolicies',
  namespaced: false,
};
const NONE: LoopResult = { sent: 0, denied: 0, wrong: [], lost: [], slowestMs: 0 };

/** Installs, runs scenarios one after the other, and removes what was made. */
export class ClusterRun {
  readonly #settings: Settings;
  readonly #note: (line: string) => void;
  readonly #outcomes: Outcome[] = [];
  #denied = 0;
  #lostDenials = 0;

  constructor(settings: Settings, note: (line: string) => void) {
    this.#settings = settings;
    this.#note = note;
  }

  async run(): Promise<Outcome[]> {
    const { scenarios, kubeconfig, natsReplicas } = this.#settings;
    const tag = await provideImages(this.#settings, this.#note);
    const log = createLogger({ service: 'test', level: 'silent' });
    const cluster = await connectApiServer({ kubeconfig, log });
    const context = { cluster, natsReplicas, note: this.#note };
    try {
      await this.#outcome('install', 300, () => this.#install(cluster, tag));
      if (this.#outcomes.every(({ problem }) => problem === ''))
        for (const name of scenarios) if (name !== 'install') await this.#scenario(name, context);
    } finally {
      cluster.close();
      if (!this.#settings.keep) await cleanUp();
    }
    return this.#outcomes;
  }

  async #install(cluster: ApiServerCluster, tag: string): Promise<string> {
    for (const name of [NAMESPACE, LOOP_NAMESPACE]) await makeNamespace(name);
    await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
    await kubectl('label', 'namespace', LOOP_NAMESPACE, 'loop=yes', '--overwrite');
    const began = Date.now();
    await install(tag, this.#settings.natsReplicas);
    const ready = seconds(began);
    for (const policy of LOOP_POLICIES) await applyPolicy(cluster, policy);
    for (const { metadata } of LOOP_POLICIES) await policyInForce(metadata.name);
    const first = seconds(began);
    await helm('test', RELEASE, '-n', NAMESPACE, '--timeout', '2m');
    return `ready after ${ready} s, first policies in force after ${first} s, helm test passed`;
  }

  async #scenario(name: string, context: Omit<ScenarioContext, 'ledger'>): Promise<void> {
    const scenario = SCENARIOS[name];
    if (!scenario) return;
    const loop = scenario.loop ? new RequestLoop(context.cluster, LOOP_NAMESPACE) : undefined;
    await this.#outcome(
      name,
      scenario.boundSeconds,
      async () => {
        if (loop) await delay(AROUND_MS);
        const denied = () => this.#denied + (loop?.denied ?? 0);
        const ledger = async () => `${denied()} denied, ${await totalOfViolations()} in the total`;
        const about = await scenario.run({ ...context, ledger });
        if (loop) await delay(AROUND_MS);
        return about;
      },
      loop,
    );
  }

  async #outcome(scenario: string, bound: number, act: () => Promise<string>, loop?: RequestLoop): Promise<void> {
    this.#note(`${scenario} ...`);
    const began = Date.now();
    const done = await act().then(
      (about) => ({ about, problem: '' }),
      (error: Error) => ({ about: '', problem: error.message }),
    );
    const took = seconds(began);
    const result = (await loop?.end()) ?? NONE;
    const problems = [
      done.problem,
      ...(await this.#problems(result)),
      ...(took > bound ? [`took ${took} s, ${bound} s is the bound`] : []),
    ];
    for (const line of [...result.wrong, ...result.lost].slice(0, 10)) this.#note(`  ${line}`);
    const { sent: requests, slowestMs } = result;
    const problem = problems.filter(Boolean).join('; ');
    const counted = { wrong: result.wrong.length, lost: result.lost.length };
    this.#outcomes.push({ scenario, seconds: took, requests, ...counted, slowestMs, problem, about: done.about });
    this.#note(`  ${took} s: ${problem || done.about}`);
  }

  async #problems({ sent, denied, wrong, lost }: LoopResult): Promise<string[]> {
    if (sent === 0) return [];
    this.#denied += denied;
    this.#lostDenials += lost.length;
    const open = await failedOpen();
    return [
      ...(wrong.length > 0 ? [`${wrong.length} wrong`] : []),
      ...(lost.length > 0 ? [`${lost.length} lost`] : []),
      ...(open > 0 ? [`webhooks failed open ${open} times`] : []),
      await this.#ledger(),
    ];
  }

  /** Every denial that was answered is in the total; what got no answer may be in it too. Late is not lost: it is told how late. */
  async #ledger(): Promise<string> {
    const began = Date.now();
    const fits = (count: number) => count >= this.#denied && count <= this.#denied + this.#lostDenials;
    return waitFor(async () => fits(await totalOfViolations()), {
      what: 'the total',
      timeoutMs: TOTAL_MS,
      pollMs: 500,
    }).then(
      () => {
        this.#note(`  ${this.#denied} denials are in the total after ${seconds(began)} s`);
        return '';
      },
      async () => `the total of violations is ${await totalOfViolations()}, ${this.#denied} were denied`,
    );
  }
}

const totalOfViolations = async (): Promise<number> =>
  Number((await get('jspolicyviolations', 'denies.loop.example')).status?.totals?.violations ?? 0);

const seconds = (since: number): number => Math.round((Date.now() - since) / 1000);

async function makeNamespace(name: string): Promise<void> {
  await kubectl('create', 'namespace', name).catch((error: Error) => {
    if (!error.message.includes('AlreadyExists')) throw error;
  });
}

/** A controller that has just begun may not have written everything by which the API server reaches the gateway. */
async function applyPolicy(cluster: ApiServerCluster, policy: (typeof LOOP_POLICIES)[number]): Promise<void> {
  const apply = async () => {
    await cluster.create(POLICIES, policy);
    return true;
  };
  await waitFor(apply, { what: `${policy.metadata.name} to be taken`, timeoutMs: 30_000, pollMs: 500 });
}

async function cleanUp(): Promise<void> {
  await helm('uninstall', RELEASE, '-n', NAMESPACE, '--ignore-not-found', '--wait', '--timeout', '5m');
  for (const { metadata } of LOOP_POLICIES) await kubectl('delete', 'jspolicy', metadata.name, '--ignore-not-found');
  await kubectl('delete', 'namespace', NAMESPACE, LOOP_NAMESPACE, '--ignore-not-found', '--timeout=2m');
}

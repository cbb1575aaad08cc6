import { setTimeout as delay } from 'node:timers/promises';
import { type ApiServerCluster, connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { CleanUp } from './clean-up.ts';
import { helm, kubectl } from './command.ts';
import { diagnosis } from './diagnosis.ts';
import {
  AROUND_MS,
  failedOpen,
  install,
  LOOP_NAMESPACE,
  NAMESPACE,
  POLICIES,
  pods,
  policyInForce,
  RELEASE,
} from './engine.ts';
import { provideImages } from './images.ts';
import { Ledger } from './ledger.ts';
import { startReceiver } from './receiver.ts';
import { LOOP_POLICIES, type LoopResult, noRequests, RequestLoop } from './request-loop.ts';
import { SCENARIOS, type Scenario, type ScenarioContext } from './scenarios.ts';
import type { Settings } from './settings.ts';

export interface Outcome {
  scenario: string;
  seconds: number;
  requests: number;
  wrong: number;
  lost: number;
  refused: number;
  slowestMs: number;
  problem: string;
  about: string;
}

/** Installs, runs scenarios one after the other, and removes what was made. */
export class ClusterRun {
  readonly #settings: Settings;
  readonly #note: (line: string) => void;
  readonly #outcomes: Outcome[] = [];
  readonly #ledger = new Ledger();
  /** As it was seen last: other webhooks of the cluster, and earlier runs, may have counted. */
  #failedOpen = 0;

  constructor(settings: Settings, note: (line: string) => void) {
    this.#settings = settings;
    this.#note = note;
  }

  async run(): Promise<Outcome[]> {
    const { kubeconfig, keep } = this.#settings;
    const cleanUp = await CleanUp.begin();
    const tag = await provideImages(this.#settings, this.#note);
    const log = createLogger({ service: 'test', level: 'silent' });
    const cluster = await connectApiServer({ kubeconfig, log });
    try {
      await this.#scenarios(cluster, tag);
    } finally {
      cluster.close();
      if (!keep) await this.#cleanUp(cleanUp);
    }
    return this.#outcomes;
  }

  /** What was seen is told all the same when it fails. */
  async #cleanUp(cleanUp: CleanUp): Promise<void> {
    const began = Date.now();
    const problem = await cleanUp.run().then(
      () => '',
      (error: Error) => error.message,
    );
    if (problem === '') return;
    this.#tell({ scenario: 'clean up', seconds: secondsSince(began), problem, about: '' }, noRequests());
  }

  async #scenarios(cluster: ApiServerCluster, tag: string): Promise<void> {
    const { scenarios, natsReplicas, nodePower } = this.#settings;
    this.#failedOpen = await failedOpen();
    const given = { cluster, ledger: this.#ledger, tag, natsReplicas, nodePower, note: this.#note };
    const context = { ...given, moments: new Map<string, number>() };
    const installing = { loop: false, boundSeconds: 300, run: () => this.#install(context) };
    await this.#scenario('install', installing, context);
    if (this.#outcomes.some(({ problem }) => problem !== '')) return;
    for (const name of scenarios) {
      const scenario = SCENARIOS[name];
      if (scenario) await this.#scenario(name, scenario, context);
    }
  }

  async #install({ cluster, tag }: ScenarioContext): Promise<string> {
    for (const name of [NAMESPACE, LOOP_NAMESPACE]) await makeNamespace(name);
    await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
    await kubectl('label', 'namespace', LOOP_NAMESPACE, 'loop=yes', '--overwrite');
    const began = Date.now();
    await install(tag, this.#settings.natsReplicas);
    const ready = secondsSince(began);
    for (const policy of LOOP_POLICIES) await applyPolicy(cluster, policy);
    for (const { metadata } of LOOP_POLICIES) await policyInForce(metadata.name);
    const first = secondsSince(began);
    await helm('test', RELEASE, '-n', NAMESPACE, '--timeout', '2m');
    await startReceiver(cluster, tag);
    return `ready after ${ready} s, first policies in force after ${first} s, helm test passed`;
  }

  async #scenario(name: string, scenario: Scenario, context: ScenarioContext): Promise<void> {
    this.#note(`${name} ...`);
    const loop = scenario.loop ? new RequestLoop(context.cluster, LOOP_NAMESPACE) : undefined;
    const began = Date.now();
    const done = await around(loop, () => scenario.run(context));
    const seconds = secondsSince(began);
    const result = (await loop?.end()) ?? noRequests();
    const ledger = loop ? await this.#compare(result, scenario, context) : { problem: '', about: '' };
    const problems = [
      done.problem,
      seconds > scenario.boundSeconds ? `took ${seconds} s, ${scenario.boundSeconds} s is the bound` : '',
      ...requestProblems(result, scenario, context),
      await this.#openProblem().catch((error: Error) => error.message),
      ledger.problem,
    ];
    const problem = problems.filter(Boolean).join('; ');
    const about = [done.about, ledger.about, await restarted()].filter(Boolean).join('; ');
    this.#tell({ scenario: name, seconds, problem, about }, result);
    if (problem !== '') this.#note(await diagnosis());
  }

  async #openProblem(): Promise<string> {
    const [before, now] = [this.#failedOpen, await failedOpen()];
    this.#failedOpen = now;
    return now > before ? `webhooks failed open ${now - before} times` : '';
  }

  #compare(result: LoopResult, scenario: Scenario, context: ScenarioContext): ReturnType<Ledger['compare']> {
    this.#ledger.add(result, (denial) => scenario.recordMayLack?.(denial, context) ?? false);
    return this.#ledger.compare();
  }

  #tell(told: Pick<Outcome, 'scenario' | 'seconds' | 'problem' | 'about'>, result: LoopResult): void {
    const { sent: requests, wrong, lost, refused, slowestMs } = result;
    const lines = [...wrong, ...lost, ...refused.map(({ text }) => text)];
    for (const line of lines.slice(0, 10)) this.#note(`  ${line}`);
    const counts = { requests, wrong: wrong.length, lost: lost.length, refused: refused.length, slowestMs };
    this.#outcomes.push({ ...told, ...counts });
    this.#note(`  ${told.seconds} s, ${JSON.stringify(counts)}: ${told.problem || told.about}`);
  }
}

/** What happens to the engine, with requests for a while before it and after it. */
async function around(loop: RequestLoop | undefined, act: () => Promise<string>) {
  if (loop) await delay(AROUND_MS);
  const done = await act().then(
    (about) => ({ about, problem: '' }),
    (error: Error) => ({ about: '', problem: error.message }),
  );
  if (loop) await delay(AROUND_MS);
  return done;
}

function requestProblems(result: LoopResult, scenario: Scenario, context: ScenarioContext): string[] {
  const { denied, passed, wrong, lost, refused } = result;
  const anyRefused = (): string => (refused.length > 0 ? `${refused.length} refused for want of an answer` : '');
  return [
    scenario.loop && (denied.length === 0 || passed.length === 0) ? 'no requests of each verdict were judged' : '',
    wrong.length > 0 ? `${wrong.length} wrong` : '',
    lost.length > 0 ? `${lost.length} lost` : '',
    scenario.judgeRefusals ? scenario.judgeRefusals(refused, context) : anyRefused(),
  ];
}

/** Who ended by itself and came back is no problem of requests, but is to be seen. */
async function restarted(): Promise<string> {
  const found = (await pods().catch(() => [])).filter(({ restarts }) => restarts > 0);
  return found.length > 0 ? `started anew: ${found.map(({ name, restarts }) => `${name} ${restarts}`).join(', ')}` : '';
}

const secondsSince = (since: number): number => Math.round((Date.now() - since) / 1000);

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
  await waitFor(apply, { what: `${policy.metadata.name} to be taken`, timeoutMs: 120_000, pollMs: 500 });
}

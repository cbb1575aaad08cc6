import { readFile } from 'node:fs/promises';
import { versionWarning } from '@jspolicy/kube';
import { CommandError } from '../exit-codes.ts';
import { withProgress } from '../progress.ts';
import { shownPath, type Terminal, table } from '../terminal.ts';
import { applyObjects, readManifests } from './apply-manifests.ts';
import { ManifestTelling } from './manifest-telling.ts';
import { openPolicyCluster, type PolicyCluster } from './policy-cluster.ts';
import { stateLine } from './policy-state.ts';
import { PolicyView } from './policy-view.ts';
import { RuleTelling } from './rule-telling.ts';
import type { StackFacts } from './service-env.ts';
import { Stack, type StackOptions } from './stack.ts';
import { tryCommand } from './try-command.ts';
import { removeWebhooks } from './webhook-cleanup.ts';

export interface LocalEngineOptions extends StackOptions {
  /** Directory whose objects are applied once to a real API server. */
  seed?: string | undefined;
}

/** A policy that needs longer, as for its first npm install, is told when it is done. */
const FIRST_STATES_MS = 10_000;

/** Of an API server that may be gone; what else ends within ten seconds must have its share of them. */
const REMOVE_WEBHOOKS_MS = 3_000;

/** The stack, and what the user is told about its policies. */
export class LocalEngine {
  readonly #options: LocalEngineOptions;
  readonly #stack: Stack;
  #opened: PolicyCluster | undefined;
  #view: PolicyView | undefined;
  readonly #telling: ManifestTelling;

  constructor(options: LocalEngineOptions) {
    const { cluster, terminal } = options;
    this.#options = options;
    this.#telling = new ManifestTelling('manifests' in cluster ? cluster.manifests : '', (line) =>
      terminal.print(line),
    );
    this.#stack = new Stack({ ...options, onNothingRegisters: (facts) => this.#removeWebhooks(facts) });
  }

  /** Resolves when everything is ready and told. Throws CommandError; stop() is then still to be called. */
  async start(): Promise<void> {
    const { cluster, places, seed, terminal } = this.#options;
    const objects = seed === undefined ? [] : await readManifests(seed, terminal);
    const { port } = await this.#stack.check();
    const telling = this.#telling;
    this.#opened = await openPolicyCluster(cluster, {
      state: places.state,
      onProblem: (problem) => telling.onProblem(problem),
      onFixed: (file, how) => telling.onFixed(file, how),
      onNotice: (notice) => telling.onNotice(notice),
      onUnreadable: (error) => telling.onUnreadable(error),
      onReadable: () => telling.onReadable(),
    });
    await checkServer(this.#opened, terminal);
    const stack = await this.#stack.start(port);
    if (seed !== undefined) {
      const count = await applyObjects(this.#opened.cluster, objects, terminal);
      terminal.note(`${count} objects of ${shownPath(seed)} applied`);
    }
    const view = await this.#watchPolicies(this.#opened);
    await withProgress(terminal, 'compiling the policies', () => view.settled(FIRST_STATES_MS));
    await this.#announce(stack.url, stack.certificates.caFile, view);
    view.follow();
  }

  async stop(): Promise<void> {
    await this.#view?.stop();
    await this.#stack.stop();
    await this.#opened?.close();
  }

  kill(): void {
    this.#stack.kill();
  }

  async #watchPolicies({ cluster, sourceOf }: PolicyCluster): Promise<PolicyView> {
    const { terminal, cluster: choice } = this.#options;
    const onLine = (line: string) => terminal.print(line);
    this.#view = new PolicyView({
      cluster,
      rules: new RuleTelling({ cluster, complete: 'kubeconfig' in choice, onLine }),
      sourceOf,
      onLine,
      onTrouble: (error) => terminal.note(`policies cannot be read now: ${error.message}`),
    });
    await this.#view.start();
    return this.#view;
  }

  async #announce(url: string, caFile: string, view: PolicyView): Promise<void> {
    const { terminal, places, cluster } = this.#options;
    const { states } = view;
    const rows = states.map(({ name, type, action, phase }) => [name, type, action, phase]);
    const command = await tryCommand({ url, caFile, states, dataDir: places.root });
    const follow =
      'manifests' in cluster ? `Files in ${shownPath(cluster.manifests)} are followed.` : 'The cluster is followed.';
    const facts = [
      ['Webhook', `${url}/policy/<name>`],
      ['CA', caFile],
      ['Data', places.root],
      ['Logs', places.logs],
    ];
    terminal.print(`${table(facts)}\n`);
    terminal.print(
      rows.length > 0 ? table([['NAME', 'TYPE', 'ACTION', 'STATE'], ...rows]) : 'There are no policies yet.',
    );
    for (const state of states) if (state.phase === 'failed') terminal.print(stateLine(state));
    await view.tellRules();
    this.#telling.follow(this.#opened?.problems() ?? []);
    if (command) terminal.print(`\nTry:\n  ${command}`);
    terminal.print(`\nReady. ${follow} Ctrl-C ends everything.`);
  }

  /** With failurePolicy Fail the cluster would refuse what nobody answers. */
  async #removeWebhooks({ cluster, webhookUrl, certificates }: StackFacts): Promise<void> {
    if (!this.#opened || 'manifests' in cluster) return;
    const { terminal } = this.#options;
    try {
      const registered = { webhookUrl, caPem: await readFile(certificates.caFile, 'utf8') };
      const signal = AbortSignal.timeout(REMOVE_WEBHOOKS_MS);
      const count = await removeWebhooks(this.#opened.cluster, registered, signal);
      if (count > 0) terminal.note(`webhook configurations removed: ${count}; the next start makes them again`);
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      terminal.note(
        `webhook configurations were not removed (${why}): requests that they cover are refused where failurePolicy is ` +
          `Fail. \`jspolicy uninstall --webhook-url ${webhookUrl}\` removes them when it is there again`,
      );
    }
  }
}

/** Before anything is started. Throws CommandError where nobody answers. */
async function checkServer({ version }: PolicyCluster, terminal: Terminal): Promise<void> {
  const told = await version?.().catch((cause: Error) => {
    throw new CommandError(`--kubeconfig: the API server does not answer: ${cause.message}`, { cause });
  });
  const warning = told === undefined ? undefined : versionWarning(told);
  if (warning !== undefined) terminal.note(warning);
}

import type { ManifestProblem } from '@jspolicy/kube';
import { withProgress } from '../progress.ts';
import { shownPath, table } from '../terminal.ts';
import { applyObjects, readManifests } from './apply-manifests.ts';
import { openPolicyCluster, type PolicyCluster } from './policy-cluster.ts';
import { stateLine } from './policy-state.ts';
import { PolicyView } from './policy-view.ts';
import { Stack, type StackOptions } from './stack.ts';
import { tryCommand } from './try-command.ts';

export interface LocalEngineOptions extends StackOptions {
  /** Directory whose objects are applied once to a real API server. */
  seed?: string | undefined;
}

/** A policy that needs longer, as for its first npm install, is told when it is done. */
const FIRST_STATES_MS = 10_000;

/** The stack, and what the user is told about its policies. */
export class LocalEngine {
  readonly #options: LocalEngineOptions;
  readonly #stack: Stack;
  #opened: PolicyCluster | undefined;
  #view: PolicyView | undefined;
  readonly #problems = new Map<string, ManifestProblem[]>();
  #following = false;

  constructor(options: LocalEngineOptions) {
    this.#options = options;
    this.#stack = new Stack(options);
  }

  /** Resolves when everything is ready and told. Throws CommandError; stop() is then still to be called. */
  async start(): Promise<void> {
    const { cluster, places, seed, terminal } = this.#options;
    const objects = seed === undefined ? [] : await readManifests(seed);
    this.#opened = await openPolicyCluster(cluster, {
      state: places.state,
      onProblem: (problem) => this.#onProblem(problem),
      onFixed: (file) => this.#onFixed(file),
    });
    const stack = await this.#stack.start();
    if (seed !== undefined) {
      const count = await applyObjects(this.#opened.cluster, objects);
      terminal.note(`${count} objects of ${shownPath(seed)} applied`);
    }
    const view = await this.#watchPolicies(this.#opened);
    await withProgress(terminal, 'compiling the policies', () => view.settled(FIRST_STATES_MS));
    await this.#announce(stack.url, stack.certificates.caFile, view);
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
    const { terminal } = this.#options;
    this.#view = new PolicyView({
      cluster,
      sourceOf,
      onLine: (line) => terminal.print(line),
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
    for (const problem of [...this.#problems.values()].flat()) this.#printProblem(problem);
    if (command) terminal.print(`\nTry:\n  ${command}`);
    terminal.print(`\nReady. ${follow} Ctrl-C ends everything.`);
    this.#following = true;
    view.follow();
  }

  #onProblem(problem: ManifestProblem): void {
    const { file } = problem;
    this.#problems.set(file, [...(this.#problems.get(file) ?? []), problem]);
    if (this.#following) this.#printProblem(problem);
  }

  #onFixed(file: string): void {
    this.#problems.delete(file);
    if (this.#following) this.#options.terminal.print(`${shownPath(file)}: read without problems again`);
  }

  #printProblem({ file, line, column, message }: ManifestProblem): void {
    const lastGood = this.#following ? ' (what was last read from this file stays in force)' : '';
    this.#options.terminal.print(`${shownPath(file)}:${line}:${column}: ${message}${lastGood}`);
  }
}

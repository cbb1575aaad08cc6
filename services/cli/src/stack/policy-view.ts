import { API_VERSION, type KubeObject } from '@jspolicy/contracts';
import type { Cluster, Running, SourcePlace } from '@jspolicy/kube';
import { type PolicyState, policyState, stateLine } from './policy-state.ts';
import type { RuleTelling } from './rule-telling.ts';

export interface PolicyViewOptions {
  cluster: Cluster;
  sourceOf(object: KubeObject): SourcePlace | undefined;
  /** A line for the user, once for each change of a policy's state. Nothing is told before follow(). */
  onLine(line: string): void;
  onTrouble(error: Error): void;
  /** What of its rule covers nothing: a warning, for each version of a policy. */
  rules: RuleTelling;
}

/** The policies of a cluster and what the controller says about them, kept current by a watch. */
export class PolicyView {
  readonly #options: PolicyViewOptions;
  readonly #states = new Map<string, PolicyState>();
  readonly #told = new Map<string, string>();
  readonly #objects = new Map<string, KubeObject>();
  #watch: Running | undefined;
  #following = false;
  #synced = false;
  #onSettled: (() => void) | undefined;

  constructor(options: PolicyViewOptions) {
    this.#options = options;
  }

  /** By name. */
  get states(): PolicyState[] {
    return [...this.#states.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async start(): Promise<void> {
    const { cluster, onTrouble } = this.#options;
    const type = await cluster.resolve(API_VERSION, 'JsPolicy');
    this.#watch = cluster.watch(type, {
      onChange: (object) => this.#onChange(object),
      onDelete: (object) => this.#onDelete(object),
      onSynced: () => {
        this.#synced = true;
        this.#checkSettled();
      },
      onError: onTrouble,
    });
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }

  /** Resolves when every policy has a state, or after timeoutMs. */
  async settled(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onSettled = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#checkSettled();
    });
    this.#onSettled = undefined;
  }

  /** Resolves when what is wrong with the rules of the policies of this moment was told. */
  tellRules(): Promise<void> {
    return this.#options.rules.look([...this.#objects.values()].sort(byName));
  }

  /** From now on each change is told; what is known already counts as told. */
  follow(): void {
    this.#following = true;
    for (const state of this.#states.values()) this.#told.set(state.name, key(state));
  }

  #onChange(object: KubeObject): void {
    const state = policyState(object, this.#options.sourceOf(object));
    const before = this.#objects.get(state.name)?.metadata.generation;
    this.#states.set(state.name, state);
    this.#objects.set(state.name, object);
    if (this.#following && before !== state.generation) void this.#options.rules.look([object]);
    if (state.phase !== 'pending') this.#tell(state);
    this.#checkSettled();
  }

  #onDelete({ metadata: { name } }: KubeObject): void {
    this.#states.delete(name);
    this.#objects.delete(name);
    this.#options.rules.forget(name);
    this.#told.delete(name);
    if (this.#following) this.#options.onLine(`${name}: removed`);
    this.#checkSettled();
  }

  #tell(state: PolicyState): void {
    if (!this.#following || this.#told.get(state.name) === key(state)) return;
    this.#told.set(state.name, key(state));
    this.#options.onLine(stateLine(state));
  }

  #checkSettled(): void {
    if (this.#synced && this.states.every(({ phase }) => phase !== 'pending')) this.#onSettled?.();
  }
}

/** Two states with the same key have nothing new to tell. */
const key = ({ phase, generation, problem }: PolicyState): string => JSON.stringify([phase, generation, problem]);

const byName = (a: KubeObject, b: KubeObject): number => (a.metadata.name < b.metadata.name ? -1 : 1);

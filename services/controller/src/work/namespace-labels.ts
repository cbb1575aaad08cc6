import type { Cluster, ResourceType } from '@jspolicy/kube';
import type { KindListener, KindWatch } from './kind-watch.ts';
import type { KindWatches } from './kind-watches.ts';
import { factsOf, type Labels, type ObjectFacts } from './object-facts.ts';

export const NAMESPACES: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  namespaced: false,
};

/** The last objects of a namespace may be told as gone after the namespace itself. */
const REMEMBERED = 1_000;

/** The API server gives each namespace this label itself. */
export const withName = (name: string, labels: Labels = {}): Labels => ({
  'kubernetes.io/metadata.name': name,
  ...labels,
});

/** Labels by namespace, kept by a watch as long as somebody asks for them. */
export class NamespaceLabels implements KindListener {
  readonly #cluster: Pick<Cluster, 'get'>;
  readonly #watches: KindWatches;
  readonly #users = new Set<(name: string, before: Labels, after: Labels) => void>();
  readonly #gone = new Map<string, Labels>();
  readonly #reads = new Map<string, Promise<Labels>>();
  #watch: KindWatch | undefined;

  constructor(cluster: Pick<Cluster, 'get'>, watches: KindWatches) {
    this.#cluster = cluster;
    this.#watches = watches;
  }

  /** `onChange`: the labels of a namespace that was known changed. */
  use(onChange: (name: string, before: Labels, after: Labels) => void): void {
    this.#users.add(onChange);
    this.#watch ??= this.#watches.follow(NAMESPACES, this);
  }

  leave(onChange: (name: string, before: Labels, after: Labels) => void): void {
    this.#users.delete(onChange);
    if (this.#users.size > 0 || !this.#watch) return;
    this.#watches.leave(this.#watch, this);
    this.#watch = undefined;
  }

  /** undefined: not known yet. */
  known(name: string): Labels | undefined {
    const labels = this.#watch?.find('', name)?.labels ?? this.#gone.get(name);
    return labels && withName(name, labels);
  }

  /** Asks the cluster, once at a time for each. One that is not there has no labels but its name. */
  read(name: string): Promise<Labels> {
    const reading = this.#reads.get(name) ?? this.#read(name).finally(() => this.#reads.delete(name));
    this.#reads.set(name, reading);
    return reading;
  }

  async #read(name: string): Promise<Labels> {
    const namespace = await this.#cluster.get(NAMESPACES, name);
    return withName(name, namespace && factsOf(namespace).labels);
  }

  onObject({ name, labels }: ObjectFacts, before: ObjectFacts | undefined): void {
    this.#gone.delete(name);
    if (!before) return;
    for (const tell of this.#users) tell(name, withName(name, before.labels), withName(name, labels));
  }

  onGone({ name, labels }: ObjectFacts): void {
    this.#gone.set(name, labels);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > REMEMBERED && oldest !== undefined) this.#gone.delete(oldest);
  }

  onProblem(): void {}
}

import type { Cluster, ResourceType, Running } from '@jspolicy/kube';
import { factsOf, keyOf, type ObjectFacts } from './object-facts.ts';

export interface KindListener {
  /** `before`: what was known of it until now. */
  onObject(object: ObjectFacts, before: ObjectFacts | undefined): void;
  /** It is gone; these are the last facts of it. */
  onGone(object: ObjectFacts): void;
  /** `problem` changed. */
  onProblem(): void;
}

/** One watch of a kind for everybody who follows it. */
export class KindWatch implements Running {
  readonly type: ResourceType;
  readonly #objects = new Map<string, ObjectFacts>();
  readonly #listeners = new Set<KindListener>();
  readonly #watch: Running;
  #problem: string | undefined;
  #synced = false;

  constructor(cluster: Pick<Cluster, 'watch'>, type: ResourceType, onError: (error: Error) => void) {
    this.type = type;
    this.#watch = cluster.watch(type, {
      onChange: (object) => this.#changed(factsOf(object)),
      onDelete: (object) => this.#gone(factsOf(object)),
      onSynced: () => {
        this.#synced = true;
        this.#setProblem(undefined);
      },
      onError: (error) => {
        onError(error);
        // Later ones pass: what is known stays known until the watch goes on.
        if (!this.#synced) this.#setProblem(error.message);
      },
    });
  }

  /** Why what exists could not be read yet; undefined when nothing is known against it. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get objects(): Iterable<ObjectFacts> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  get isUnused(): boolean {
    return this.#listeners.size === 0;
  }

  find(namespace: string, name: string): ObjectFacts | undefined {
    return this.#objects.get(keyOf({ namespace, name }));
  }

  /** Is told of what comes; what is known already stands in `objects`. */
  listen(listener: KindListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: KindListener): void {
    this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  #changed(object: ObjectFacts): void {
    const before = this.#objects.get(keyOf(object));
    this.#objects.set(keyOf(object), object);
    for (const listener of this.#listeners) listener.onObject(object, before);
  }

  /** After a new list only its name is told; the labels by which it was followed are known from before. */
  #gone(object: ObjectFacts): void {
    const last = this.#objects.get(keyOf(object));
    this.#objects.delete(keyOf(object));
    const { resourceVersion } = object;
    for (const listener of this.#listeners) listener.onGone({ ...(last ?? object), resourceVersion });
  }

  #setProblem(problem: string | undefined): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    for (const listener of this.#listeners) listener.onProblem();
  }
}

import type { Bus } from '@jspolicy/bus';
import type { Evaluation, EvaluationResult, Sandbox } from '@jspolicy/sandbox';

/** Sandbox processes for work alone, so that it takes none from requests. They start with the first evaluation. */
export class WorkSandbox {
  readonly #bundles: Pick<Bus['bundles'], 'get'>;
  readonly #create: () => Sandbox;
  readonly #loads = new Map<string, Promise<boolean>>();
  #sandbox: Sandbox | undefined;

  constructor(parts: { bundles: Pick<Bus['bundles'], 'get'>; create: () => Sandbox }) {
    this.#bundles = parts.bundles;
    this.#create = parts.create;
  }

  async evaluate(evaluation: Evaluation): Promise<EvaluationResult> {
    this.#sandbox ??= this.#create();
    if (await this.#load(evaluation.digest, this.#sandbox)) return this.#sandbox.evaluate(evaluation);
    return { kind: 'refused', message: `bundle ${evaluation.digest} is not in the store` };
  }

  /** Forgets all other bundles. */
  keepOnly(digests: Set<string | undefined>): void {
    for (const digest of this.#loads.keys()) {
      if (digests.has(digest)) continue;
      this.#loads.delete(digest);
      this.#sandbox?.unload(digest);
    }
  }

  async stop(): Promise<void> {
    await this.#sandbox?.stop();
  }

  /** What could not be loaded is tried again with the next evaluation. */
  async #load(digest: string, sandbox: Sandbox): Promise<boolean> {
    const load = this.#loads.get(digest) ?? this.#loadOnce(digest, sandbox);
    this.#loads.set(digest, load);
    const loaded = await load.catch(() => false);
    if (!loaded && this.#loads.get(digest) === load) this.#loads.delete(digest);
    return loaded;
  }

  async #loadOnce(digest: string, sandbox: Sandbox): Promise<boolean> {
    const bundle = await this.#bundles.get(digest);
    if (bundle) await sandbox.load(bundle);
    return bundle !== undefined;
  }
}

import type { Bus } from '@jspolicy/bus';
import type { Logger } from '@jspolicy/runtime';
import type { Evaluation, EvaluationResult, Sandbox } from '@jspolicy/sandbox';

/** Sandbox processes for work alone, so that it takes none from requests. They start with the first evaluation. */
export class WorkSandbox {
  readonly #bundles: Pick<Bus['bundles'], 'get'>;
  readonly #create: () => Sandbox;
  readonly #log: Logger;
  readonly #loads = new Map<string, Promise<boolean>>();
  /** Bundles of which it was told that they cannot be loaded. */
  readonly #told = new Set<string>();
  #sandbox: Sandbox | undefined;

  constructor(parts: { bundles: Pick<Bus['bundles'], 'get'>; create: () => Sandbox; log: Logger }) {
    this.#bundles = parts.bundles;
    this.#create = parts.create;
    this.#log = parts.log;
  }

  async evaluate(evaluation: Evaluation): Promise<EvaluationResult> {
    this.#sandbox ??= this.#create();
    if (await this.#load(evaluation.digest, this.#sandbox)) return this.#sandbox.evaluate(evaluation);
    return { kind: 'refused', message: `bundle ${evaluation.digest} is not loaded` };
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

  /** What could not be loaded is told once, and tried again with the next evaluation. */
  async #load(digest: string, sandbox: Sandbox): Promise<boolean> {
    const load = this.#loads.get(digest) ?? this.#loadOnce(digest, sandbox);
    this.#loads.set(digest, load);
    const loaded = await load.catch((err: unknown) => this.#tell(digest, err));
    if (loaded) this.#told.delete(digest);
    else if (this.#loads.get(digest) === load) this.#loads.delete(digest);
    return loaded;
  }

  #tell(digest: string, err: unknown): false {
    if (!this.#told.has(digest))
      this.#log.warn({ err, digest }, 'bundle of a Controller policy not loaded, it is tried again');
    this.#told.add(digest);
    return false;
  }

  async #loadOnce(digest: string, sandbox: Sandbox): Promise<boolean> {
    const bundle = await this.#bundles.get(digest);
    if (!bundle) throw new Error('it is not in the store');
    await sandbox.load(bundle);
    return true;
  }
}

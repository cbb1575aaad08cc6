import type { Bundle } from '@jspolicy/contracts';
import type { ChildResult } from '../messages.ts';

/** A bundle, and what its evaluations have shown of it. */
export interface LoadedBundle extends Bundle {
  /** Its evaluations may wait for the host: by its text, or because one tried to. */
  waits: boolean;
}

/** The bundles of a pool. What is learnt of one outlives the process that found it out. */
export class LoadedBundles {
  readonly #byDigest = new Map<string, LoadedBundle>();

  /** What was learnt of a bundle that is loaded already stays. */
  load(bundle: Bundle): void {
    if (this.#byDigest.has(bundle.digest)) return;
    this.#byDigest.set(bundle.digest, { ...bundle, waits: bundle.hostCalls.length > 0 });
  }

  get(digest: string): LoadedBundle | undefined {
    return this.#byDigest.get(digest);
  }

  unload(digest: string): void {
    this.#byDigest.delete(digest);
  }

  /** `demoted`: it is evaluated in fresh contexts from now on, in every process. */
  learn(digest: string, { demoted, waits }: Pick<ChildResult, 'demoted' | 'waits'>): void {
    const bundle = this.#byDigest.get(digest);
    if (!bundle || (demoted === undefined && !waits)) return;
    const isolation = demoted === undefined ? bundle.isolation : 'request';
    this.#byDigest.set(digest, { ...bundle, isolation, waits: bundle.waits || waits === true });
  }
}

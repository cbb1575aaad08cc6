import { GUEST } from '../guest/guest-types.ts';
import type { GuestContext, Mode } from './guest-context.ts';
import type { IsolateHome } from './isolate-home.ts';
import type { LoadedBundle } from './loaded-bundle.ts';

/** State of a dependency's own modules lives as long as its context: this many evaluations. */
const MAX_EVALUATIONS = 10_000;
/** Evaluating a prelude is not part of any request; a bundle that takes longer is evaluated fresh. */
const PREPARE_MS = 5_000;

/** The name that stack frames of a prelude bear. */
export const DEPENDENCIES = 'dependencies';

interface Kept {
  context: GuestContext;
  evaluations: number;
}

/**
 * One hardened context per policy and bundle, used again and again. Policies with the same code have one each: what a
 * package remembers of one is not told to another.
 */
export class KeptContexts {
  readonly #home: IsolateHome;
  readonly #byDigest = new Map<string, Map<string, Kept>>();

  constructor(home: IsolateHome) {
    this.#home = home;
  }

  /** The bundle's context; made when there is none. Rejects when the bundle cannot live in one. */
  async take(policy: string, bundle: LoadedBundle, mode: Mode): Promise<GuestContext> {
    const ofBundle = this.#byDigest.get(bundle.digest) ?? new Map<string, Kept>();
    this.#byDigest.set(bundle.digest, ofBundle);
    const known = ofBundle.get(policy);
    if (known && known.context.mode === mode && known.evaluations++ < MAX_EVALUATIONS) return known.context;
    known?.context.release();
    ofBundle.delete(policy);
    const context = await this.#prepare(bundle, mode);
    ofBundle.set(policy, { context, evaluations: 1 });
    return context;
  }

  /** Of every policy that has the bundle. */
  drop(digest: string): void {
    for (const { context } of this.#byDigest.get(digest)?.values() ?? []) context.release();
    this.#byDigest.delete(digest);
  }

  /** After the isolate was replaced. */
  clear(): void {
    this.#byDigest.clear();
  }

  async #prepare(bundle: LoadedBundle, mode: Mode): Promise<GuestContext> {
    this.#home.checkSoon();
    const context = this.#home.fresh(mode);
    try {
      await this.#fill(context, bundle);
      return context;
    } catch (error) {
      if (!this.#home.isolate.isDisposed) context.release();
      throw error;
    }
  }

  async #fill(context: GuestContext, bundle: LoadedBundle): Promise<void> {
    const { scripts } = this.#home;
    const prelude = bundle.script.slice(0, bundle.preludeLength);
    if (prelude) {
      // Strict like the policy: a write to what is frozen fails in packages too, and is not lost.
      const script = scripts.preludeOf(`"use strict";${prelude}`, DEPENDENCIES);
      script.runSync(context.context, { timeout: PREPARE_MS, release: true });
    }
    await context.ask(GUEST.harden, [], PREPARE_MS);
    const script = scripts.factoryOf(bundle);
    const factory = context.valueOf(script);
    script.release();
    await context.ask(GUEST.keep, [factory.derefInto({ release: true })], PREPARE_MS);
  }
}

import type { Bundle, JsPolicy, JsPolicyBundle } from '@jspolicy/contracts';
import { bundleHash } from '@jspolicy/policy';
import { compiledBundle, hashOf, isOwnedBy, unpack } from './bundle-object.ts';
import type { Compiled, CompilerClient } from './compiler-client.ts';
import type { Problem } from './status.ts';

export type Resolved =
  /** `fresh`: the object in the cluster must be written. */
  | { bundle: Bundle; fresh: boolean; problem?: undefined }
  /** `again`: the same may succeed later. */
  | { problem: Problem; again: boolean; undecodable: boolean; bundle?: undefined };

/** For so long a source that did not compile is not compiled again; less than from one look at all policies to the next. */
const REFUSED_MS = 20_000;

/** Finds the bundle of a policy: what is there already, or compiled anew. */
export class BundleSource {
  readonly #compiler: CompilerClient;
  /** Analyses of bundles that users made, by policy; they cannot be written into the users' objects. */
  readonly #handmade = new Map<string, { packed: string; bundle: Bundle }>();

  /** Sources that did not compile, by policy: writing that into the status tells of the policy once more. */
  readonly #refused = new Map<string, { hash: string; resolved: Resolved; untilMs: number }>();

  constructor(compiler: CompilerClient) {
    this.#compiler = compiler;
  }

  async resolve(policy: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Resolved> {
    if (policy.spec.javascript) return this.#fromSource(policy, existing);
    if (!existing) return failed('BundleMissing', "couldn't find js policy bundle, but no javascript provided");
    const compiled = await compiledBundle(existing);
    return compiled ? { bundle: compiled, fresh: false } : this.#fromHandmade(policy, existing);
  }

  /** What served before, whatever source it was compiled from, as far as the cluster or this process knows it. */
  async lastGood(policy: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Bundle | undefined> {
    const stored = existing && isOwnedBy(existing, policy) ? await compiledBundle(existing) : undefined;
    return stored ?? this.#handmade.get(policy.metadata.name)?.bundle ?? this.#former(policy, existing);
  }

  /** What jsPolicy compiled for this very policy, and left behind: it says nothing of its source. */
  async #former(policy: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Bundle | undefined> {
    if (!existing || !isOwnedBy(existing, policy) || hashOf(existing) !== undefined) return undefined;
    return (await this.#fromHandmade(policy, existing)).bundle;
  }

  forget(policy: string): void {
    this.#handmade.delete(policy);
    this.#refused.delete(policy);
  }

  async #fromSource(policy: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Resolved> {
    const { metadata, spec } = policy;
    const known = existing && hashOf(existing) === bundleHash(spec) ? await compiledBundle(existing) : undefined;
    // One that an earlier policy of this name left behind is about to be collected with its owner.
    if (existing && known) return { bundle: known, fresh: !isOwnedBy(existing, policy) };
    return this.#compile(metadata.name, bundleHash(spec), spec);
  }

  async #compile(policy: string, hash: string, spec: JsPolicy['spec']): Promise<Resolved> {
    const refused = this.#refused.get(policy);
    if (refused?.hash === hash && performance.now() < refused.untilMs) return refused.resolved;
    const { javascript: source = '', dependencies = {} } = spec;
    const compiled = await this.#compiler.compile({ kind: 'source', policy, source, dependencies });
    if (compiled.bundle) return { bundle: compiled.bundle, fresh: true };
    const resolved = notCompiled(compiled);
    if (!compiled.again) this.#refused.set(policy, { hash, resolved, untilMs: performance.now() + REFUSED_MS });
    return resolved;
  }

  async #fromHandmade({ metadata }: JsPolicy, existing: JsPolicyBundle): Promise<Resolved> {
    const packed = existing.spec.bundle ?? '';
    const known = this.#handmade.get(metadata.name);
    if (known?.packed === packed) return { bundle: known.bundle, fresh: false };
    const script = await unpack(existing);
    if (script === undefined) {
      const message = `error decompressing javascript bundle for js policy ${metadata.name}`;
      return { ...failed('CompileFailed', message), undecodable: true };
    }
    const compiled = await this.#compiler.compile({ kind: 'precompiled', policy: metadata.name, script });
    if (!compiled.bundle) return notCompiled(compiled);
    this.#handmade.set(metadata.name, { packed, bundle: compiled.bundle });
    return { bundle: compiled.bundle, fresh: false };
  }
}

const notCompiled = ({ message, again }: Extract<Compiled, { bundle?: undefined }>): Resolved =>
  failed('CompileFailed', message, again);

function failed(reason: Problem['reason'], message: string, again = false) {
  return { problem: { condition: 'BundleCompiled' as const, reason, message }, again, undecodable: false };
}

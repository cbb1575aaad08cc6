import { createHash } from 'node:crypto';
import type { Bus } from '@jspolicy/bus';
import {
  type Bundle,
  COMPILE_SUBJECT,
  type CompileReply,
  type CompileRequest,
  type JsPolicy,
  type JsPolicyBundle,
} from '@jspolicy/contracts';
import { bundleHash } from '@jspolicy/policy';
import { compiledBundle, hashOf, unpack } from './bundle-object.ts';
import type { Problem } from './status.ts';

/** Longer than the compiler's own limit (30 s by default), so that its answer is heard. */
const COMPILE_MS = 45_000;

export type Resolved =
  /** `fresh`: compiled now, so the object in the cluster must be written. */
  | { bundle: Bundle; fresh: boolean; problem?: undefined }
  /** `again`: the same may succeed later. */
  | { problem: Problem; again: boolean; undecodable: boolean; bundle?: undefined };

/** Finds the bundle of a policy: what is there already, or compiled anew. */
export class BundleSource {
  readonly #bus: Bus;
  /** Analyses of bundles that users made, by policy; they cannot be written into the users' objects. */
  readonly #handmade = new Map<string, { packed: string; bundle: Bundle }>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async resolve(policy: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Resolved> {
    if (policy.spec.javascript) return this.#fromSource(policy, existing);
    if (!existing) return failed('BundleMissing', "couldn't find js policy bundle, but no javascript provided");
    const compiled = await compiledBundle(existing);
    return compiled ? { bundle: compiled, fresh: false } : this.#fromHandmade(policy, existing);
  }

  /** What served before: the cluster's bundle, whatever source it was compiled from. */
  async lastGood(existing: JsPolicyBundle | undefined, policy: string): Promise<Bundle | undefined> {
    return (existing && (await compiledBundle(existing))) ?? this.#handmade.get(policy)?.bundle;
  }

  forget(policy: string): void {
    this.#handmade.delete(policy);
  }

  async #fromSource({ metadata, spec }: JsPolicy, existing: JsPolicyBundle | undefined): Promise<Resolved> {
    const known = existing && hashOf(existing) === bundleHash(spec) ? await compiledBundle(existing) : undefined;
    if (known) return { bundle: known, fresh: false };
    const { javascript: source = '', dependencies = {} } = spec;
    const reply = await this.#compile({ kind: 'source', policy: metadata.name, source, dependencies });
    return reply.ok
      ? { bundle: reply.bundle, fresh: true }
      : failed('CompileFailed', reply.message, reply.fault === 'platform');
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
    const reply = await this.#compile({ kind: 'precompiled', policy: metadata.name, script });
    if (!reply.ok) return failed('CompileFailed', reply.message, reply.fault === 'platform');
    this.#handmade.set(metadata.name, { packed, bundle: reply.bundle });
    return { bundle: reply.bundle, fresh: false };
  }

  /** Rejects when no compiler answers: the reconcile is tried again. */
  async #compile(request: CompileRequest): Promise<CompileReply> {
    const body = new TextEncoder().encode(JSON.stringify(request));
    const { status, body: answer } = await this.#bus.request(COMPILE_SUBJECT, body, { deadlineMs: COMPILE_MS });
    const text = new TextDecoder().decode(answer);
    if (status !== 200) throw new Error(`the compiler answered ${status}: ${text.slice(0, 500)}`);
    const reply = JSON.parse(text) as CompileReply;
    if (reply.ok) checkDigest(reply.bundle);
    return reply;
  }
}

function checkDigest({ digest, script }: Bundle): void {
  const real = createHash('sha256').update(script).digest('hex');
  if (real !== digest) throw new Error(`the compiler's digest ${digest} is not that of its script, ${real}`);
}

function failed(reason: Problem['reason'], message: string, again = false) {
  return { problem: { condition: 'BundleCompiled' as const, reason, message }, again, undecodable: false };
}

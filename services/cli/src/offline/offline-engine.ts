import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Bundler, createBundler } from '@jspolicy/bundler';
import type { Bundle, CompileReply, KubeObject, PolicyRecord } from '@jspolicy/contracts';
import type { DirectoryCluster } from '@jspolicy/kube';
import { type Decision, decide, type Outcome, policyRecord } from '@jspolicy/policy';
import { createLogger } from '@jspolicy/runtime';
import type { Sandbox } from '@jspolicy/sandbox';
import { CommandError } from '../exit-codes.ts';
import { packageCache } from '../places.ts';
import { problemText } from '../stack/policy-state.ts';
import { offlineHostFunctions } from './host-functions.ts';
import { clusterOfObjects } from './objects-cluster.ts';
import type { PolicyFile } from './policy-files.ts';
import type { ReviewInput } from './review-file.ts';

const MEMORY_LIMIT_MIB = 128;
/** A bundle that inflates to more is refused, as everywhere in the engine. */
const MAX_SCRIPT_BYTES = 10 * 1024 * 1024;

export interface Judgement {
  decision: Decision;
  /** Whether the policy came to a verdict of its own. */
  evaluated: boolean;
  /** What violationPolicy Dry kept from happening. */
  hidden?: string;
  /** mutate() was given a changed object, by a policy that may change none: it has no effect. */
  inVain?: boolean;
}

export interface CompiledPolicy {
  record: PolicyRecord;
  bundle?: Bundle;
}

/** The engine as a library, for commands without a bus: one sandbox process, and a bundler. Whoever opens it closes it. */
export class OfflineEngine {
  readonly cluster: DirectoryCluster;
  readonly #workDir: string;
  readonly #bundler: Bundler;
  #sandbox: Promise<Sandbox> | undefined;

  private constructor(workDir: string, cluster: DirectoryCluster) {
    this.cluster = cluster;
    this.#workDir = workDir;
    this.#bundler = createBundler({ workDir: join(workDir, 'builds'), cacheDir: packageCache() });
  }

  /** `objects` are what get() and list() see. */
  static async open(objects: KubeObject[]): Promise<OfflineEngine> {
    const workDir = await mkdtemp(join(tmpdir(), 'jspolicy-review-'));
    return new OfflineEngine(workDir, await clusterOfObjects(objects, workDir));
  }

  /** Throws CommandError, with the place in the author's file, for a policy that does not compile. */
  async compile(file: PolicyFile): Promise<CompiledPolicy> {
    const reply = await this.#compile(file);
    if (typeof reply === 'string') return { record: policyRecord(file.policy, reply) };
    if (!reply.ok) throw new CommandError(placed(reply.message, file));
    return { record: policyRecord(file.policy, reply.bundle), bundle: reply.bundle };
  }

  /** Throws CommandError for a review that is none. */
  async judge({ record, bundle }: CompiledPolicy, review: ReviewInput, options: JudgeOptions): Promise<Judgement> {
    const outcome = bundle ? await this.#evaluate(record, bundle, review, options) : noBundle(record);
    const hidden = hiddenByDry(record, outcome);
    const decision = decide({ record, outcome });
    const evaluated = outcome.kind === 'verdict';
    const inVain = evaluated && record.type !== 'Mutating' && outcome.verdict.patch !== undefined;
    return { decision, evaluated, ...(hidden !== undefined && { hidden }), ...(inVain && { inVain }) };
  }

  async close(): Promise<void> {
    await (await this.#sandbox)?.stop();
    await this.#bundler.close();
    await this.cluster.close();
    await rm(this.#workDir, { recursive: true, force: true });
  }

  async #compile({ policy, bundle }: PolicyFile): Promise<CompileReply | 'missing' | 'undecodable'> {
    const { name } = policy.metadata;
    const { javascript: source, dependencies = {} } = policy.spec;
    if (source) return this.#bundler.compile({ kind: 'source', policy: name, source, dependencies });
    if (!bundle?.spec.bundle) return 'missing';
    const script = inflate(bundle.spec.bundle);
    return script === undefined ? 'undecodable' : this.#bundler.compile({ kind: 'precompiled', policy: name, script });
  }

  async #evaluate(record: PolicyRecord, bundle: Bundle, review: ReviewInput, options: JudgeOptions): Promise<Outcome> {
    this.#sandbox ??= startSandbox();
    const sandbox = await this.#sandbox;
    await sandbox.load(bundle);
    const host = offlineHostFunctions({ cluster: this.cluster, env: process.env, onPrint: options.onPrint });
    const limitMs = options.timeoutMs ?? record.timeoutSeconds * 1000;
    const result = await sandbox.evaluate({
      policy: record.name,
      // Only so is it told what mutate() would change; the decision is that of the record's type.
      type: 'Mutating',
      digest: bundle.digest,
      review: new TextEncoder().encode(JSON.stringify(review)),
      limitMs,
      // Nobody waits: one that has to be evaluated anew has its whole time again.
      deadlineMs: 2 * limitMs,
      fresh: record.bundle?.isolation === 'request',
      host,
    });
    if (result.kind === 'malformed' || result.kind === 'refused')
      throw new CommandError(`${record.name}: ${result.message}`);
    return result;
  }
}

function hiddenByDry(record: PolicyRecord, outcome: Outcome): string | undefined {
  if (record.violationPolicy !== 'Dry') return undefined;
  const decision = decide({ record: { ...record, violationPolicy: 'Deny' }, outcome });
  if (decision.kind === 'unanswered') return `a failure: ${decision.message}`;
  if (!decision.allowed) return `${outcome.kind === 'failed' ? 'a failure' : 'a denial'}: ${decision.message ?? ''}`;
  return decision.patch && `a patch of ${decision.patch.length} operation${decision.patch.length === 1 ? '' : 's'}`;
}

export interface JudgeOptions {
  /** The policy's own timeoutSeconds unless given. */
  timeoutMs?: number | undefined;
  onPrint(line: string): void;
}

/** Loaded here: what only compiles needs none. */
async function startSandbox(): Promise<Sandbox> {
  const { createSandboxPool } = await import('@jspolicy/sandbox');
  const log = createLogger({ service: 'review', level: 'silent' });
  // As evaluators have it.
  const globalContext = process.env['GLOBAL_CONTEXT'] ?? '';
  return createSandboxPool({ processes: 1, memoryLimitMiB: MEMORY_LIMIT_MIB, globalContext, log });
}

function placed(message: string, { policy, place, source }: PolicyFile): string {
  const text = problemText(message, source);
  return /^\S+:\d+:\d+: /.test(text) ? text : `${place}: ${policy.metadata.name}: ${text}`;
}

function inflate(bundle: string): string | undefined {
  try {
    return gunzipSync(Buffer.from(bundle, 'base64'), { maxOutputLength: MAX_SCRIPT_BYTES }).toString('utf8');
  } catch {
    return undefined;
  }
}

function noBundle({ name, bundleError }: PolicyRecord): Outcome {
  const undecodable = bundleError === 'undecodable';
  const text = undecodable ? 'error decompressing' : "couldn't find";
  const message = `${text} javascript bundle for js policy ${name}`;
  return { kind: 'failed', failure: { cause: undecodable ? 'bad-bundle' : 'no-bundle', message } };
}

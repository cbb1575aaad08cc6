import type { Bus } from '@jspolicy/bus';
import type { JsPolicy, JsPolicyBundle } from '@jspolicy/contracts';
import type { Cluster, ResourceType, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { BundleSource } from './bundle-source.ts';
import { CompilerClient } from './compiler-client.ts';
import { Mirror } from './mirror.ts';
import { Reconciler } from './reconciler.ts';
import { Records } from './records.ts';
import { BUNDLES, MUTATING, POLICIES, VALIDATING } from './resource-types.ts';
import { policyOfWebhook, type WebhookTarget } from './webhook-configuration.ts';
import { Webhooks } from './webhooks.ts';
import { whenBusIsBack } from './when-bus-is-back.ts';
import { WorkQueue } from './work-queue.ts';
import { type Verb, Writes } from './writes.ts';

/** Policies at once. They mostly wait, for a compiler above all, and those that need none must not wait behind them. */
const PARALLEL = 16;
/** How often everything is looked at without an event: what the stores lost is put back. */
const RESYNC_MS = 30_000;
/** When such a look failed: a NATS that came back a moment ago does not answer everything yet. */
const LOOK_AGAIN_MS = 1_000;

export interface LeaderParts {
  cluster: Cluster;
  bus: Bus;
  target: WebhookTarget;
  compileTimeoutMs: number;
  log: Logger;
  onWrite(verb: Verb, kind: string): void;
}

/** The work of the one controller that leads. stop() ends it at once: from then on nothing is written. */
export function startLeading({ cluster, bus, target, compileTimeoutMs, log, onWrite }: LeaderParts): Running {
  const leading = new AbortController();
  const { signal } = leading;
  const held = new Set<string>();
  let queue: WorkQueue | undefined;
  const enqueue = (name: string | undefined) => {
    if (name === undefined) return;
    if (queue) queue.add(name);
    else held.add(name);
  };
  const mirrors = mirrorAll(cluster, log, enqueue);
  const { policies, bundles, validating, mutating } = mirrors;
  const all = Object.values(mirrors);
  const writes = new Writes(cluster, { signal, onWrite });
  const records = new Records(bus, log, signal);
  const webhooks = new Webhooks(writes, target, { validating, mutating });
  const source = new BundleSource(new CompilerClient(bus, { timeoutMs: compileTimeoutMs, signal }));
  const reconciler = new Reconciler({ writes, bus, log, policies, bundles, webhooks, records, source });

  /** Policies that exist, and what is left of policies that do not. The bus may have lost what it held. */
  const lookAtAll = async () => {
    await bus.ensureTopology();
    for (const { metadata } of policies.all()) enqueue(metadata.name);
    for (const name of [...webhooks.policies(), ...(await records.names())]) if (!policies.get(name)) enqueue(name);
  };
  let timer: NodeJS.Timeout | undefined;
  const resync = async () => {
    clearTimeout(timer);
    // Before everything that exists is known, a policy that is merely not told yet would look removed.
    if (signal.aborted || !queue) return;
    const ended = await lookAtAll().catch((err: unknown) => ({ err }));
    if (ended) log.warn(ended, 'look at all policies failed, it comes again');
    if (signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(resync, ended ? LOOK_AGAIN_MS : RESYNC_MS);
  };
  Promise.all(all.map(({ synced }) => synced))
    .then(() => {
      if (signal.aborted) return;
      queue = new WorkQueue({
        parallel: PARALLEL,
        work: (name) => reconciler.reconcile(name),
        onFailure: (policy, err, retryMs) => log.warn({ policy, err, retryMs }, 'reconcile failed, it is tried again'),
      });
      for (const name of held) queue.add(name);
      return resync();
    })
    .catch((err: unknown) => log.error({ err }, 'work of the leader did not begin'));
  const connection = whenBusIsBack(bus, () => void resync());

  return {
    async stop() {
      leading.abort(new Error('this controller leads no more'));
      clearTimeout(timer);
      connection.stop();
      records.stop();
      await Promise.all([...all.map((each) => each.stop()), queue?.stop()]);
    },
  };
}

function mirrorAll(cluster: Cluster, log: Logger, enqueue: (name: string | undefined) => void) {
  const ours = <T extends JsPolicy | JsPolicyBundle>(type: ResourceType) =>
    new Mirror<T>(cluster, type, { log, onEvent: ({ metadata }) => enqueue(metadata.name) });
  const owned = (type: ResourceType) =>
    new Mirror(cluster, type, { log, onEvent: (object) => enqueue(policyOfWebhook(object)) });
  return {
    policies: ours<JsPolicy>(POLICIES),
    bundles: ours<JsPolicyBundle>(BUNDLES),
    validating: owned(VALIDATING),
    mutating: owned(MUTATING),
  };
}

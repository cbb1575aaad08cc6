import type { Bus } from '@jspolicy/bus';
import type { JsPolicy, JsPolicyBundle } from '@jspolicy/contracts';
import type { Cluster, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { BundleSource } from './bundle-source.ts';
import { Mirror } from './mirror.ts';
import { Reconciler } from './reconciler.ts';
import { Records } from './records.ts';
import { BUNDLES, MUTATING, POLICIES, VALIDATING } from './resource-types.ts';
import { policyOfWebhook, type WebhookTarget } from './webhook-configuration.ts';
import { Webhooks } from './webhooks.ts';
import { WorkQueue } from './work-queue.ts';

/** Policies at once; compiling is the compiler's work, so these wait most of the time. */
const PARALLEL = 4;
/** How often everything is looked at without an event: what the stores lost is put back. */
const RESYNC_MS = 30_000;

export interface LeaderParts {
  cluster: Cluster;
  bus: Bus;
  target: WebhookTarget;
  log: Logger;
}

/** The work of the one controller that leads. */
export function startLeading({ cluster, bus, target, log }: LeaderParts): Running {
  const mirror = <T extends JsPolicy | JsPolicyBundle>(type: typeof POLICIES) =>
    new Mirror<T>(cluster, type, { log, onEvent: ({ metadata }) => enqueue(metadata.name) });
  const webhookMirror = (type: typeof VALIDATING) =>
    new Mirror(cluster, type, { log, onEvent: (object) => enqueue(policyOfWebhook(object)) });
  const held = new Set<string>();
  let queue: WorkQueue | undefined;
  const enqueue = (name: string | undefined) => {
    if (name === undefined) return;
    if (queue) queue.add(name);
    else held.add(name);
  };
  const policies = mirror<JsPolicy>(POLICIES);
  const bundles = mirror<JsPolicyBundle>(BUNDLES);
  const validating = webhookMirror(VALIDATING);
  const mutating = webhookMirror(MUTATING);
  const mirrors = [policies, bundles, validating, mutating];
  const records = new Records(bus, log);
  const webhooks = new Webhooks(cluster, target, { validating, mutating });
  const reconciler = new Reconciler({
    cluster,
    bus,
    log,
    policies,
    bundles,
    webhooks,
    records,
    source: new BundleSource(bus),
  });

  // Before everything that exists is known, a policy that is merely not told yet would look removed.
  const begun = Promise.all(mirrors.map(({ synced }) => synced)).then(async () => {
    queue = new WorkQueue({
      parallel: PARALLEL,
      work: (name) => reconciler.reconcile(name),
      onFailure: (policy, err, retryMs) => log.warn({ policy, err, retryMs }, 'reconcile failed, it is tried again'),
    });
    for (const name of held) queue.add(name);
    await enqueueAll();
  });
  begun.catch((err: unknown) => log.error({ err }, 'first look at the stores failed'));

  /** Policies that exist, and what is left of policies that do not. */
  const enqueueAll = async () => {
    for (const { metadata } of policies.all()) enqueue(metadata.name);
    for (const name of [...webhooks.policies(), ...(await records.names())]) if (!policies.get(name)) enqueue(name);
  };
  const resync = setInterval(() => {
    enqueueAll().catch((err: unknown) => log.warn({ err }, 'resync failed'));
  }, RESYNC_MS);

  return {
    async stop() {
      clearInterval(resync);
      records.stop();
      await Promise.all(mirrors.map((each) => each.stop()));
      await queue?.stop();
    },
  };
}

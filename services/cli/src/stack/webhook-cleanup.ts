import { API_GROUP, type KubeObject } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';

export interface Registered {
  /** What the API server calls. */
  webhookUrl: string;
  /** Of the authority that signed our certificate. */
  caPem: string;
}

/** Of the configurations by which the API server asks about the engine's own kinds. */
const OWN_WEBHOOKS = 'jspolicy';

const KINDS = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'];

interface WebhookEntry {
  clientConfig?: { url?: string; caBundle?: string };
}

/**
 * Removes the webhook configurations of policies, and of the engine's own kinds, that call this process's gateway, and
 * leaves those of every other installation. Returns how many there were; throws the cluster's error.
 */
export async function removeWebhooks(cluster: Cluster, registered: Registered, signal: AbortSignal): Promise<number> {
  let removed = 0;
  for (const kind of KINDS) {
    const type = await cluster.resolve('admissionregistration.k8s.io/v1', kind, { signal });
    for (const object of await cluster.list(type, { signal })) {
      if (!isOurs(object, registered)) continue;
      await cluster.remove(type, object.metadata.name, undefined, { signal });
      removed += 1;
    }
  }
  return removed;
}

function isOurs({ metadata, webhooks }: KubeObject, { webhookUrl, caPem }: Registered): boolean {
  const ofPolicy = metadata.ownerReferences?.some(
    ({ kind, apiVersion }) => kind === 'JsPolicy' && apiVersion.startsWith(`${API_GROUP}/`),
  );
  const paths = metadata.name === OWN_WEBHOOKS ? `${webhookUrl}/crds` : ofPolicy ? `${webhookUrl}/policy/` : undefined;
  if (paths === undefined || !Array.isArray(webhooks)) return false;
  const caBundle = Buffer.from(caPem).toString('base64');
  const entries = webhooks as WebhookEntry[];
  return entries.every(
    ({ clientConfig }) => clientConfig?.url?.startsWith(paths) === true && clientConfig.caBundle === caBundle,
  );
}

import { API_GROUP, type KubeObject } from '@jspolicy/contracts';
import { type Cluster, connectApiServer, type ResourceType } from '@jspolicy/kube';
import { createLogger, pause } from '@jspolicy/runtime';
import { httpsUrl } from '../commands/option-values.ts';
import { CommandError } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

export interface UninstallOptions {
  namespace?: string;
  webhookUrl?: string;
  kubeconfig?: string;
  controller?: string;
  selector?: string;
  crds?: boolean;
}

/** How the API server calls the engine. */
type Engine = { namespace: string } | { url: string };

function engineOf({ namespace, webhookUrl, controller }: UninstallOptions): Engine {
  if (namespace !== undefined && webhookUrl === undefined) return { namespace };
  if (webhookUrl === undefined || namespace !== undefined)
    throw new CommandError('one of --namespace and --webhook-url is needed: how is the engine called?');
  if (controller !== undefined) throw new CommandError('--controller needs --namespace');
  return { url: httpsUrl('--webhook-url', webhookUrl) };
}

/** Longer than a controller is given to end by the chart. */
const CONTROLLER_ENDS_MS = 60_000;
const LOOK_MS = 500;

const type = (group: string, kind: string, resource: string, namespaced = false): ResourceType => ({
  group,
  version: 'v1',
  kind,
  resource,
  namespaced,
});
const ADMISSION = 'admissionregistration.k8s.io';
const CONFIGURATIONS = ['Validating', 'Mutating'].map((kind) =>
  type(ADMISSION, `${kind}WebhookConfiguration`, `${kind.toLowerCase()}webhookconfigurations`),
);
const DEPLOYMENTS = type('apps', 'Deployment', 'deployments', true);
const PODS = type('', 'Pod', 'pods', true);
const DEFINITIONS = type('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions');

/** Removes an engine's webhook configurations, after the controller that would put them back. Throws CommandError. */
export async function uninstall(options: UninstallOptions, terminal: Terminal): Promise<void> {
  const engine = engineOf(options);
  const { kubeconfig } = options;
  const log = createLogger({ service: 'cli', level: 'silent' });
  try {
    const cluster = await connectApiServer({ ...(kubeconfig && { kubeconfig }), log });
    try {
      await removeFrom(cluster, { ...options, engine }, terminal);
    } finally {
      cluster.close();
    }
  } catch (error) {
    throw new CommandError(`not removed: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

async function removeFrom(
  cluster: Cluster,
  options: UninstallOptions & { engine: Engine },
  terminal: Terminal,
): Promise<void> {
  if (options.controller) await endController(cluster, options, terminal);
  let removed = 0;
  for (const kind of CONFIGURATIONS)
    for (const object of await cluster.list(kind)) {
      if (!callsEngine(object, options.engine)) continue;
      await cluster.remove(kind, object.metadata.name);
      removed += 1;
    }
  terminal.print(`${removed} webhook configuration${removed === 1 ? '' : 's'} removed`);
  if (!options.crds) return;
  for (const plural of ['jspolicies', 'jspolicybundles', 'jspolicyviolations', 'violationsinks'])
    await cluster.remove(DEFINITIONS, `${plural}.${API_GROUP}`);
  terminal.print('the kinds of the engine are removed, and every policy');
}

async function endController(cluster: Cluster, options: UninstallOptions, terminal: Terminal): Promise<void> {
  const { controller = '', namespace = '', selector } = options;
  await cluster.remove(DEPLOYMENTS, controller, namespace);
  if (!selector) return;
  const left = () => cluster.list(PODS, { namespace, labelSelector: selector });
  for (const until = performance.now() + CONTROLLER_ENDS_MS; (await left()).length > 0; await pause(LOOK_MS)) {
    if (performance.now() < until) continue;
    // On a lost node, say: it stays Terminating until the node is back, and works no more.
    terminal.note('a Pod of the controller is still there; the webhook configurations are removed all the same');
    return;
  }
}

interface WebhookEntry {
  clientConfig?: { url?: string; service?: { name?: string; namespace?: string } };
}

/** Every entry calls this engine. */
function callsEngine({ metadata, webhooks }: KubeObject, engine: Engine): boolean {
  const ofPolicy = metadata.ownerReferences?.some(
    ({ kind, apiVersion }) => kind === 'JsPolicy' && apiVersion.startsWith(`${API_GROUP}/`),
  );
  if (!ofPolicy && metadata.name !== 'jspolicy') return false;
  const entries = Array.isArray(webhooks) ? (webhooks as WebhookEntry[]) : [];
  return entries.every(({ clientConfig }) => {
    const { service, url = '' } = clientConfig ?? {};
    if ('url' in engine) return url.startsWith(`${engine.url}/`);
    return service?.name === 'jspolicy' && service.namespace === engine.namespace;
  });
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Rendered, renderChart } from '@jspolicy/chart/helm';
import { type KubeApiServer, kubeRequest, type TempDir, tempDir } from '@jspolicy/testing';
import { SERVICES, type ServiceName } from './stack.ts';

/** Of the release, and its name. */
export const NAMESPACE = 'jspolicy';

const RBAC = 'apis/rbac.authorization.k8s.io/v1';
/** What of a release decides who may do what. */
const PATHS: Record<string, string> = {
  ServiceAccount: `api/v1/namespaces/${NAMESPACE}/serviceaccounts`,
  Role: `${RBAC}/namespaces/${NAMESPACE}/roles`,
  RoleBinding: `${RBAC}/namespaces/${NAMESPACE}/rolebindings`,
  ClusterRole: `${RBAC}/clusterroles`,
  ClusterRoleBinding: `${RBAC}/clusterrolebindings`,
  Deployment: `apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
};
/** The place of a process is the stack's to say. */
const OF_THE_PLACE = /^(NATS_|LOG_LEVEL$|HEALTH_PORT$|PORT$|SHUTDOWN_DELAY_MS$)/;

interface Container {
  args: string[];
  env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[];
}

/** The chart's release in an API server, as helm makes it, with the rights that its Pods have. */
export class ChartRelease {
  readonly #kube: KubeApiServer;
  readonly #objects: Rendered[];
  readonly #dir: TempDir;

  /** Hooks' objects are installed too: they stay, where helm makes them when their time comes. */
  static async install(kube: KubeApiServer, set: readonly string[]): Promise<ChartRelease> {
    const release = new ChartRelease(kube, await renderChart({ name: NAMESPACE, set }), await tempDir());
    for (const object of release.#objects) await release.#create(object);
    return release;
  }

  constructor(kube: KubeApiServer, objects: Rendered[], dir: TempDir) {
    this.#kube = kube;
    this.#objects = objects;
    this.#dir = dir;
  }

  /** Of a service's Deployment: what it is told, and a kubeconfig with the token of its ServiceAccount. */
  async envOf(service: ServiceName): Promise<Record<string, string>> {
    const told = this.container('Deployment', service).env ?? [];
    const values = told
      .filter(({ name, value }) => !OF_THE_PLACE.test(name) && value !== undefined && !value.startsWith('/'))
      .map(({ name, value = '' }): [string, string] => [name, value]);
    return {
      ...Object.fromEntries(values),
      KUBE_NAMESPACE: NAMESPACE,
      KUBECONFIG: await this.kubeconfigOf(service),
    };
  }

  async envOfAll(): Promise<Record<ServiceName, Record<string, string>>> {
    const all = await Promise.all(SERVICES.map(async (service) => [service, await this.envOf(service)]));
    return Object.fromEntries(all);
  }

  /** A kubeconfig with a token of the component's ServiceAccount, as a Pod has one. */
  async kubeconfigOf(component: string): Promise<string> {
    const path = `/${PATHS['ServiceAccount']}/${NAMESPACE}-${component}/token`;
    const spec = { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 3600 };
    const { status, body } = await kubeRequest(this.#kube, 'POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec,
    });
    if (status !== 201) throw new Error(`no token for ${component}: ${JSON.stringify(body)}`);
    const file = join(this.#dir.path, component);
    await writeFile(file, JSON.stringify(kubeconfig(this.#kube, body.status.token)), { mode: 0o600 });
    return file;
  }

  /** Of a Deployment, a Job or a Pod. */
  container(kind: string, component: string): Container {
    const found = this.object(kind, component)['spec'] as { template?: { spec: object } };
    const [container] = ((found.template?.spec ?? found) as { containers: Container[] }).containers;
    if (!container) throw new Error(`${kind} ${component} has no container`);
    return container;
  }

  object(kind: string, component: string): Rendered {
    const found = this.#objects.find(
      (object) => object.kind === kind && object.metadata.name === `${NAMESPACE}-${component}`,
    );
    if (!found) throw new Error(`the chart has no ${kind} of ${component}`);
    return found;
  }

  remove(): Promise<void> {
    return this.#dir.remove();
  }

  async #create(object: Rendered): Promise<void> {
    const path = PATHS[object.kind];
    if (!path) return;
    const { status, body } = await kubeRequest(this.#kube, 'POST', `/${path}?fieldValidation=Strict`, object);
    if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(body)}`);
  }
}

function kubeconfig({ url, caFile }: KubeApiServer, token: string) {
  const name = 'release';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}

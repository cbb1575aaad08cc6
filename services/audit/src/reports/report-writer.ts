import type { ObjectMeta } from '@jspolicy/contracts';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { findPolicyReports, type ReportApi } from './report-api.ts';
import { contentOf, MANAGED_BY, type Report, type ReportPlace } from './report-object.ts';

const MANAGED_SELECTOR = Object.entries(MANAGED_BY)
  .map(([key, value]) => `${key}=${value}`)
  .join();

/** `gone`: its namespace is, so there is no place for it. */
export type ReportWritten = 'written' | 'unchanged' | 'gone';

/** Writes reports, each only when it says something else than before. One process at a time. */
export class ReportWriter {
  readonly #cluster: Cluster;
  readonly #api: ReportApi;
  /** What each report says, by its place. */
  readonly #content = new Map<string, string>();

  constructor(cluster: Cluster, api: ReportApi) {
    this.#cluster = cluster;
    this.#api = api;
  }

  /** Finds what an earlier process wrote. */
  async readExisting(): Promise<ReportPlace[]> {
    const places: ReportPlace[] = [];
    for (const type of [this.#api.report, this.#api.clusterReport]) {
      for (const object of await this.#cluster.list(type, { labelSelector: MANAGED_SELECTOR })) {
        const place = { type, name: object.metadata.name, namespace: object.metadata.namespace };
        places.push(place);
        this.#content.set(keyOf(place), contentOf(object as Report));
      }
    }
    return places;
  }

  /** Throws KubeError when it could not be written now. */
  async put(place: ReportPlace, report: Report): Promise<ReportWritten> {
    const key = keyOf(place);
    const content = contentOf(report);
    if (this.#content.get(key) === content) return 'unchanged';
    try {
      await this.#write(place, report);
    } catch (error) {
      if (!(error instanceof KubeError) || !isNamespaceGone(error)) throw error;
      this.#content.delete(key);
      return 'gone';
    }
    this.#content.set(key, content);
    return 'written';
  }

  /** Whether there was one. Throws KubeError. */
  async remove(place: ReportPlace): Promise<boolean> {
    const key = keyOf(place);
    if (!this.#content.has(key)) return false;
    await this.#cluster.remove(place.type, place.name, place.namespace);
    return this.#content.delete(key);
  }

  async #write({ type, name, namespace }: ReportPlace, report: Report): Promise<void> {
    const existing = await this.#cluster.get(type, name, namespace);
    if (!existing) {
      await this.#cluster.create(type, report);
      return;
    }
    const labels = { ...existing.metadata.labels, ...report.metadata.labels };
    await this.#cluster.update(type, { ...report, metadata: { ...existing.metadata, labels } });
  }
}

/**
 * Removes what stands elsewhere and would be there twice: jsPolicy's own reports, one per namespace and owned by a policy,
 * and this engine's of before OpenReports were served. Gives how many.
 */
export async function removeEarlierReports(cluster: Cluster, current: ReportApi): Promise<number> {
  const api = await findPolicyReports(cluster);
  if (!api) return 0;
  let removed = 0;
  for (const type of [api.report, api.clusterReport]) {
    for (const { metadata } of await cluster.list(type)) {
      const left = current.source && isManaged(metadata);
      if (!left && !isOfJsPolicy(metadata)) continue;
      await cluster.remove(type, metadata.name, metadata.namespace);
      removed++;
    }
  }
  return removed;
}

const isManaged = ({ labels = {} }: ObjectMeta): boolean =>
  Object.entries(MANAGED_BY).every(([key, value]) => labels[key] === value);

const isOfJsPolicy = ({ name, namespace, ownerReferences = [] }: ObjectMeta): boolean =>
  (name === 'js-cluster-policy-report' || name === `js-policy-report-ns-${namespace}`) &&
  ownerReferences.some(({ kind }) => kind === 'JsPolicy');

const keyOf = ({ type, name, namespace = '' }: ReportPlace): string => `${type.kind} ${namespace}/${name}`;

const isNamespaceGone = ({ status, message }: KubeError): boolean =>
  status === 404 || (status === 403 && message.includes('because it is being terminated'));

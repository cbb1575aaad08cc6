import { createHash } from 'node:crypto';
import type { KubeObject } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import type { ReportApi } from './report-api.ts';
import type { ResourceFindings } from './report-model.ts';
import { annotated, type ReportResult } from './report-result.ts';

/** Reports of this engine carry it, and nobody else's do. */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'jspolicy' };

export interface Report extends KubeObject {
  scope?: Record<string, string>;
  summary: Record<'pass' | 'fail' | 'warn' | 'error' | 'skip', number>;
  results: ReportResult[];
}

export interface ReportPlace {
  type: ResourceType;
  name: string;
  namespace: string | undefined;
}

/** Where the report about a resource stands: in its namespace, under a name that the resource alone decides. */
export function placeOf({ key, object: { namespace } }: Pick<ResourceFindings, 'key' | 'object'>, api: ReportApi) {
  const name = `js-policy-report-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
  return { type: namespace ? api.report : api.clusterReport, name, namespace };
}

export type AnnotationsOf = (policy: string) => Record<string, string> | undefined;

export function reportObject(resource: ResourceFindings, api: ReportApi, annotationsOf: AnnotationsOf): Report {
  const { type, name, namespace } = placeOf(resource, api);
  const { apiVersion = '', kind = '', uid } = resource.object;
  const results = resource.findings.map(({ result }) => annotated(result, annotationsOf(result.policy)));
  const count = (result: string) => results.filter((each) => each.result === result).length;
  const named = resource.object.name ? { name: resource.object.name } : {};
  return {
    apiVersion: `${type.group}/${type.version}`,
    kind: type.kind,
    metadata: { name, ...(namespace && { namespace }), labels: { ...MANAGED_BY } },
    ...(api.source && { source: 'JsPolicy' }),
    scope: { apiVersion, kind, ...(namespace && { namespace }), ...named, ...(uid && { uid }) },
    summary: { pass: 0, fail: count('fail'), warn: count('warn'), error: 0, skip: count('skip') },
    results,
  };
}

/** Equal for two reports that say the same, whatever the order of their fields; times say nothing. */
export function contentOf({ scope, results = [], metadata }: Report): string {
  const said = results.map(({ timestamp: _, ...result }) => result);
  return JSON.stringify(sorted({ scope, said, labels: metadata.labels }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

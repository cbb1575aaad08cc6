import { API_GROUP } from '@jspolicy/contracts';
import { apiVersionOf, byKind } from '../object-names.ts';
import type { ResourceType } from '../port.ts';

/** Kinds of a group and version: namespaced ones, and cluster-scoped ones. Plurals follow from the kind. */
const KINDS: [group: string, version: string, namespaced: string, cluster: string][] = [
  [
    '',
    'v1',
    'Pod Service ConfigMap Secret ServiceAccount Endpoints Event LimitRange PersistentVolumeClaim PodTemplate ReplicationController ResourceQuota',
    'Namespace Node PersistentVolume',
  ],
  ['apps', 'v1', 'Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision', ''],
  ['batch', 'v1', 'Job CronJob', ''],
  ['autoscaling', 'v2', 'HorizontalPodAutoscaler', ''],
  ['networking.k8s.io', 'v1', 'Ingress NetworkPolicy', 'IngressClass'],
  ['rbac.authorization.k8s.io', 'v1', 'Role RoleBinding', 'ClusterRole ClusterRoleBinding'],
  ['policy', 'v1', 'PodDisruptionBudget', ''],
  ['storage.k8s.io', 'v1', '', 'StorageClass VolumeAttachment CSIDriver'],
  ['scheduling.k8s.io', 'v1', '', 'PriorityClass'],
  ['coordination.k8s.io', 'v1', 'Lease', ''],
  ['discovery.k8s.io', 'v1', 'EndpointSlice', ''],
  ['events.k8s.io', 'v1', 'Event', ''],
  ['apiextensions.k8s.io', 'v1', '', 'CustomResourceDefinition'],
  ['admissionregistration.k8s.io', 'v1', '', 'ValidatingWebhookConfiguration MutatingWebhookConfiguration'],
  [API_GROUP, 'v1beta1', '', 'JsPolicy JsPolicyBundle JsPolicyViolations ViolationSink'],
];

/** Plurals that already are. */
const PLURALS = new Set(['Endpoints', 'JsPolicyViolations']);

/** The plural in URLs, guessed as the usual tools do. */
export function pluralOf(kind: string): string {
  const word = kind.toLowerCase();
  if (PLURALS.has(kind)) return word;
  if (/(?:s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

/** apiVersion and kind in one word. */
export const typeKey = (apiVersion: string, kind: string): string => `${apiVersion} ${kind}`;

const words = (text: string): string[] => text.split(' ').filter(Boolean);

/** Every kind that each cluster serves, in its preferred version. */
export const BUILTIN_TYPES: readonly ResourceType[] = KINDS.flatMap(([group, version, namespaced, cluster]) => [
  ...words(namespaced).map((kind) => ({ group, version, kind, resource: pluralOf(kind), namespaced: true })),
  ...words(cluster).map((kind) => ({ group, version, kind, resource: pluralOf(kind), namespaced: false })),
]);
const BY_KIND: ReadonlyMap<string, ReadonlyMap<string, ResourceType>> = new Map(
  [...Map.groupBy(BUILTIN_TYPES, apiVersionOf)].map(([apiVersion, types]) => [apiVersion, byKind(types)]),
);

/** A kind that every cluster serves; undefined for any other. */
export const builtinType = (apiVersion: string, kind: string): ResourceType | undefined =>
  BY_KIND.get(apiVersion)?.get(kind);

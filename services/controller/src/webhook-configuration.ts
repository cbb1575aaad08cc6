import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { API_GROUP, type BundleInfo, type JsPolicy, type KubeObject } from '@jspolicy/contracts';
import { ownerReference } from './bundle-object.ts';

export interface WebhookTarget {
  /** Where the API server reaches the gateway; empty: Service `jspolicy` of the namespace. */
  url: string;
  namespace: string;
  /** base64 of PEM; empty: the API server's own roots. */
  caBundle: string;
}

const SUFFIX_LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const SUFFIX_LENGTH = 5;

/** Host functions that change the cluster. */
const WRITES = ['create', 'update', 'remove'];

/** What a policy's bundle says of itself as far as a webhook goes. */
export type Calls = Pick<BundleInfo, 'hostCalls'>;

/** The webhook configuration of a policy, complete: the API server has nothing to add by default. */
export function webhookConfiguration(policy: JsPolicy, calls: Calls, target: WebhookTarget, name: string): KubeObject {
  const mutating = policy.spec.type === 'Mutating';
  const { labels, annotations } = policy.metadata;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: mutating ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: {
      name,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ownerReferences: [ownerReference(policy, false)],
    },
    webhooks: [{ ...webhook(policy, target, mutating), sideEffects: sideEffects(calls) }],
  };
}

function webhook({ metadata, spec }: JsPolicy, target: WebhookTarget, mutating: boolean) {
  const conditions = matchConditions(spec, target.namespace);
  return {
    name: metadata.name,
    clientConfig: clientConfig(metadata.name, target),
    rules: [
      {
        operations: spec.operations,
        apiGroups: spec.apiGroups ?? ['*'],
        apiVersions: spec.apiVersions ?? ['*'],
        resources: spec.resources,
        scope: spec.scope ?? '*',
      },
    ],
    failurePolicy: spec.failurePolicy ?? 'Fail',
    matchPolicy: spec.matchPolicy ?? 'Equivalent',
    namespaceSelector: spec.namespaceSelector ?? {},
    objectSelector: spec.objectSelector ?? {},
    timeoutSeconds: spec.timeoutSeconds ?? 10,
    admissionReviewVersions: ['v1'],
    ...(mutating && { reinvocationPolicy: spec.reinvocationPolicy ?? 'Never' }),
    ...(conditions.length > 0 && { matchConditions: conditions }),
  };
}

/** With NoneOnDryRun the API server asks in a dry run too, and the evaluator makes dry runs of what the policy writes. */
const sideEffects = ({ hostCalls }: Calls): string =>
  hostCalls.some((call) => WRITES.includes(call)) ? 'NoneOnDryRun' : 'None';

function clientConfig(policy: string, { url, namespace, caBundle }: WebhookTarget) {
  const path = `/policy/${policy}`;
  return {
    ...(url ? { url: url.replace(/\/$/, '') + path } : { service: { name: 'jspolicy', namespace, path, port: 443 } }),
    ...(caBundle && { caBundle }),
  };
}

/**
 * The engine's own namespace and its own kinds never pass through policies: one that matches everything, with
 * failurePolicy Fail, would keep the engine from starting and its author from mending it.
 */
function matchConditions(spec: JsPolicy['spec'], namespace: string) {
  const wildcard = spec.resources.some((resource) => resource.startsWith('*'));
  const named = spec.apiGroups?.includes(API_GROUP) ?? false;
  return [
    ...(spec.scope === 'Cluster'
      ? []
      : [
          {
            name: 'not-in-the-namespace-of-jspolicy',
            expression: `!has(request.namespace) || request.namespace != '${namespace}'`,
          },
        ]),
    ...(wildcard || named
      ? [{ name: 'not-a-kind-of-jspolicy', expression: `request.resource.group != '${API_GROUP}'` }]
      : []),
  ];
}

/** `<policy>-<5 random letters>`, cut so that it stays a name. */
export function newWebhookName(policy: string): string {
  const suffix = Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('');
  return `${policy.slice(0, 253 - SUFFIX_LENGTH - 1)}-${suffix}`;
}

/** Which policy a configuration belongs to; undefined when it is none of ours. */
export function policyOfWebhook(object: KubeObject): string | undefined {
  return object.metadata.ownerReferences?.find(
    ({ kind, apiVersion }) => kind === 'JsPolicy' && apiVersion.startsWith(API_GROUP),
  )?.name;
}

/** Fields of an entry that are ours to say, beside those that the desired one has: a hand may have added them. */
const OPTIONAL_FIELDS = ['matchConditions', 'reinvocationPolicy'];

/** Whether what is there says the same; fields that a newer API server adds by default are not looked at. */
export function isSame(existing: KubeObject, desired: KubeObject): boolean {
  const [wanted = {}] = entriesOf(desired);
  const fields = [...Object.keys(wanted), ...OPTIONAL_FIELDS];
  const told = (object: KubeObject) => ({
    kind: object.kind,
    webhooks: entriesOf(object).map((entry) => fields.map((field) => entry[field])),
    labels: object.metadata.labels ?? {},
    annotations: object.metadata.annotations ?? {},
    owners: object.metadata.ownerReferences ?? [],
  });
  return isDeepStrictEqual(told(existing), told(desired));
}

/** The configuration as it is, reached where the gateway is now: an authority that changed must not break it. */
export function withClientConfig(existing: KubeObject, policy: string, target: WebhookTarget): KubeObject {
  const webhooks = entriesOf(existing).map((entry) => ({ ...entry, clientConfig: clientConfig(policy, target) }));
  return { ...existing, webhooks };
}

/** The entries; none when there is no such list, as after an edit by hand. */
export function entriesOf({ webhooks }: KubeObject): Record<string, unknown>[] {
  return Array.isArray(webhooks) ? webhooks : [];
}

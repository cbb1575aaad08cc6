import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { API_GROUP, type BundleInfo, type JsPolicy, type KubeObject } from '@jspolicy/contracts';
import { ownerReference } from './bundle-object.ts';

export interface WebhookTarget {
  /** Where the API server reaches the gateway; empty: by the Service. */
  url: string;
  /** Its name, in the namespace. */
  service: string;
  namespace: string;
  /** Beside the engine's own namespace: what lies there never passes through policies. */
  exemptNamespaces: readonly string[];
  /** base64 of PEM; empty: the API server's own roots. */
  caBundle: string;
  /** The Certificate, as namespace/name, whose authority cert-manager writes into the configurations; empty: none. */
  injectCaFrom: string;
  /** The serving certificate is not for where it is now: configurations that exist go on calling where they called. */
  keepsAddress?: boolean;
}

/** By which cert-manager knows where to write an authority. */
const INJECT_CA = 'cert-manager.io/inject-ca-from';

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
      ...withInjection(annotations, target),
      ownerReferences: [ownerReference(policy, false)],
    },
    webhooks: [{ ...webhook(policy, target, mutating), sideEffects: sideEffects(calls) }],
  };
}

/** Annotations of a configuration, with the one that has its authority written by cert-manager. */
export function withInjection(annotations: KubeObject['metadata']['annotations'], { injectCaFrom }: WebhookTarget) {
  const all = { ...annotations, ...(injectCaFrom && { [INJECT_CA]: injectCaFrom }) };
  return annotations || injectCaFrom ? { annotations: all } : {};
}

interface ClientConfig {
  url?: string;
  service?: object;
  caBundle?: string;
}

/** The desired entries with what is to stay: the authority, if it is somebody else's to write, and the address for a while. */
export function keepingWhatStays(
  existing: KubeObject,
  desired: KubeObject,
  { injectCaFrom, keepsAddress }: WebhookTarget,
): KubeObject {
  if (!injectCaFrom && !keepsAddress) return desired;
  const before = entriesOf(existing);
  const webhooks = entriesOf(desired).map((entry, index) => {
    const was = (before[index]?.['clientConfig'] ?? {}) as ClientConfig;
    const wanted = entry['clientConfig'] as ClientConfig;
    const { url, service } = keepsAddress && (was.url || was.service) ? was : wanted;
    const caBundle = (injectCaFrom && was.caBundle) || wanted.caBundle;
    return { ...entry, clientConfig: { ...(url ? { url } : { service }), ...(caBundle && { caBundle }) } };
  });
  return { ...desired, webhooks };
}

function webhook({ metadata, spec }: JsPolicy, target: WebhookTarget, mutating: boolean) {
  const conditions = matchConditions(spec, target);
  return {
    name: metadata.name,
    clientConfig: clientConfig(policyPath(metadata.name), target),
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

const policyPath = (policy: string): string => `/policy/${policy}`;

/** How the API server reaches a path of the gateway. */
export function clientConfig(path: string, { url, service, namespace, caBundle }: WebhookTarget) {
  return {
    ...(url ? { url: url.replace(/\/$/, '') + path } : { service: { name: service, namespace, path, port: 443 } }),
    ...(caBundle && { caBundle }),
  };
}

/**
 * The engine's own namespace and its own kinds never pass through policies: one that matches everything, with
 * failurePolicy Fail, would keep the engine from starting and its author from mending it.
 */
function matchConditions(spec: JsPolicy['spec'], { namespace, exemptNamespaces }: WebhookTarget) {
  const wildcard = spec.resources.some((resource) => resource.startsWith('*'));
  const named = spec.apiGroups?.includes(API_GROUP) ?? false;
  const notIn = (name: string, test: string) =>
    spec.scope === 'Cluster' ? [] : [{ name, expression: `!has(request.namespace) || ${test}` }];
  const exempt = exemptNamespaces.map((name) => `'${name}'`).join(', ');
  return [
    ...notIn('not-in-the-namespace-of-jspolicy', `request.namespace != '${namespace}'`),
    ...(exempt ? notIn('not-in-an-exempt-namespace', `!(request.namespace in [${exempt}])`) : []),
    ...(wildcard || named
      ? [{ name: 'not-a-kind-of-jspolicy', expression: `request.resource.group != '${API_GROUP}'` }]
      : []),
  ];
}

/** `<policy>-<5 random letters>`, cut so that it stays a name. */
export function newWebhookName(policy: string): string {
  const suffix = Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('');
  return `${cutForSuffix(policy)}-${suffix}`;
}

/** Not behind a dot: no part of a name begins with a dash. */
const cutForSuffix = (policy: string): string => policy.slice(0, 253 - SUFFIX_LENGTH - 1).replace(/[.-]+$/, '');

/**
 * Which policy a configuration belongs to; undefined when it is none of ours. One that lost its owner by hand is known by
 * its name and by what it calls: otherwise requests would be judged by it and by the one made anew.
 */
export function policyOfWebhook(object: KubeObject): string | undefined {
  const owner = object.metadata.ownerReferences?.find(
    ({ kind, apiVersion }) => kind === 'JsPolicy' && apiVersion.startsWith(API_GROUP),
  );
  return owner?.name ?? policyOfEntry(object);
}

function policyOfEntry(object: KubeObject): string | undefined {
  const [entry, ...more] = entriesOf(object);
  const name = entry?.['name'];
  if (typeof name !== 'string' || more.length > 0) return undefined;
  const { url, service } = (entry?.['clientConfig'] ?? {}) as { url?: string; service?: { path?: string } };
  const isCalled = (url ?? service?.path ?? '').endsWith(policyPath(name));
  const isNamed = object.metadata.name.slice(0, -SUFFIX_LENGTH) === `${cutForSuffix(name)}-`;
  return isCalled && isNamed ? name : undefined;
}

/** Fields of an entry that are ours to say, beside those that the desired one has: a hand may have added them. */
const OPTIONAL_FIELDS = ['matchConditions', 'reinvocationPolicy'];

/** Whether what is there says the same; fields that a newer API server adds by default are not looked at. */
export function isSame(existing: KubeObject, desired: KubeObject): boolean {
  const [entries, wanted] = [entriesOf(existing), entriesOf(desired)];
  const told = ({ kind, metadata }: KubeObject) => ({
    kind,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    owners: metadata.ownerReferences ?? [],
  });
  return (
    entries.length === wanted.length &&
    wanted.every((entry, index) => isSameEntry(entries[index], entry)) &&
    isDeepStrictEqual(told(existing), told(desired))
  );
}

/** The same of one entry. */
export function isSameEntry(existing: Record<string, unknown> | undefined, wanted: Record<string, unknown>): boolean {
  const fields = [...Object.keys(wanted), ...OPTIONAL_FIELDS];
  return fields.every((field) => isDeepStrictEqual(existing?.[field], wanted[field]));
}

/** The configuration as it is, reached where the gateway is now: an authority that changed must not break it. */
export function withClientConfig(existing: KubeObject, policy: string, target: WebhookTarget): KubeObject {
  const webhooks = entriesOf(existing).map((entry) => ({
    ...entry,
    clientConfig: clientConfig(policyPath(policy), target),
  }));
  const metadata = { ...existing.metadata, ...withInjection(existing.metadata.annotations, target) };
  return keepingWhatStays(existing, { ...existing, metadata, webhooks }, target);
}

/** What the configuration trusts; PEM. */
export function trustedBy(configuration: KubeObject): string {
  return entriesOf(configuration)
    .map(({ clientConfig }) => (clientConfig as { caBundle?: string } | undefined)?.caBundle ?? '')
    .map((bundle) => Buffer.from(bundle, 'base64').toString('utf8'))
    .join('\n');
}

/** The entries; none when there is no such list, as after an edit by hand. */
export function entriesOf({ webhooks }: KubeObject): Record<string, unknown>[] {
  return Array.isArray(webhooks) ? webhooks : [];
}

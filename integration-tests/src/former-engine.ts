import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type CertificateOptions, createCertificates, type ServingPair } from '@jspolicy/certificates';
import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import { parse } from 'yaml';

const API_VERSION = 'policy.jspolicy.com/v1beta1';
const WEBHOOK_API = 'admissionregistration.k8s.io/v1';
const DAY_MS = 86_400_000;

/** How the API server reaches the engine: by a URL, or by the Service of a namespace. */
export type Reached = { ca: string } & ({ url: string } | { namespace: string });

export const SECRET_PATH = '/api/v1/namespaces/jspolicy/secrets/jspolicy-webhook-cert';

const CRDS = resolve(import.meta.dirname, '../../k8s/crds');
/** Rules that the API server judges by itself, and columns of ours: jsPolicy's kinds are without. */
const LATER = ['x-kubernetes-validations', 'enum', 'maxItems', 'maxLength', 'pattern', 'additionalPrinterColumns'];

/** A kind as jsPolicy's chart has it. */
export function formerKind(file: 'jspolicies.yaml' | 'jspolicybundles.yaml' | 'jspolicyviolations.yaml'): KubeObject {
  const text = readFileSync(join(CRDS, file), 'utf8');
  return JSON.parse(JSON.stringify(parse(text), (key, value) => (LATER.includes(key) ? undefined : value)));
}
export const FORMER_KINDS = ['jspolicies.yaml', 'jspolicybundles.yaml', 'jspolicyviolations.yaml'] as const;

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A certificate whose life began so many days ago. */
export const certificateOfAge = (ageDays: number, options: CertificateOptions): Promise<ServingPair> =>
  createCertificates({ ...options, backdatedMs: ageDays * DAY_MS });

/** What jsPolicy keeps its certificate in. */
export const certificateSecret = ({ ca, cert, key }: ServingPair, namespace = 'jspolicy') => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: { name: 'jspolicy-webhook-cert', namespace },
  data: { 'ca.crt': base64(ca), 'tls.crt': base64(cert), 'tls.key': base64(key) },
});

const clientConfig = (where: Reached, path: string) => ({
  caBundle: base64(where.ca),
  ...('url' in where
    ? { url: where.url + path }
    : { service: { name: 'jspolicy', namespace: where.namespace, path, port: 443 } }),
});

const ownerOf = ({ metadata }: JsPolicy, blocks: boolean) => ({
  apiVersion: API_VERSION,
  kind: 'JsPolicy',
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  ...(blocks && { blockOwnerDeletion: true }),
});

/** The webhook configuration that jsPolicy makes of a policy, with the annotation that it compares by. */
export function formerWebhook(policy: JsPolicy, suffix: string, where: Reached) {
  const { metadata, spec } = policy;
  const isMutating = spec.type === 'Mutating';
  const configuration = {
    apiVersion: WEBHOOK_API,
    kind: isMutating ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name: `${metadata.name}-${suffix}`, ownerReferences: [ownerOf(policy, false)] },
    webhooks: [
      {
        name: metadata.name,
        clientConfig: clientConfig(where, `/policy/${metadata.name}`),
        rules: [
          {
            operations: spec.operations,
            apiGroups: ['*'],
            apiVersions: ['*'],
            resources: spec.resources,
            scope: spec.scope ?? '*',
          },
        ],
        failurePolicy: spec.failurePolicy ?? 'Fail',
        matchPolicy: 'Equivalent',
        namespaceSelector: spec.namespaceSelector ?? {},
        objectSelector: {},
        sideEffects: 'None',
        timeoutSeconds: spec.timeoutSeconds ?? 10,
        ...(isMutating && { reinvocationPolicy: 'Never' }),
        admissionReviewVersions: ['v1'],
      },
    ],
  };
  const annotations = { 'jspolicy.com/apply': JSON.stringify(configuration) };
  return { ...configuration, metadata: { ...configuration.metadata, annotations } };
}

/** By which the API server asks jsPolicy about the three kinds. */
export const formerOwnWebhook = (where: Reached) => ({
  apiVersion: WEBHOOK_API,
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'jspolicy' },
  webhooks: [
    {
      name: 'jspolicy.jspolicy.com',
      clientConfig: clientConfig(where, '/crds'),
      rules: [
        {
          operations: ['CREATE', 'UPDATE'],
          apiGroups: ['policy.jspolicy.com'],
          apiVersions: ['v1beta1'],
          resources: ['*'],
          scope: '*',
        },
      ],
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      sideEffects: 'None',
      timeoutSeconds: 10,
      admissionReviewVersions: ['v1', 'v1beta1'],
    },
  ],
});

/** A bundle that jsPolicy compiled: the script, and nothing that says what it was made of. */
export const formerBundle = (policy: JsPolicy, script: string) => ({
  apiVersion: API_VERSION,
  kind: 'JsPolicyBundle',
  metadata: { name: policy.metadata.name, ownerReferences: [ownerOf(policy, true)] },
  spec: { bundle: gzipSync(script).toString('base64') },
});

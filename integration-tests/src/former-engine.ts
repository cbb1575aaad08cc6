import { gzipSync } from 'node:zlib';
import { type CertificateOptions, createCertificates, type ServingPair } from '@jspolicy/certificates';
import type { JsPolicy } from '@jspolicy/contracts';

const API_VERSION = 'policy.jspolicy.com/v1beta1';
const WEBHOOK_API = 'admissionregistration.k8s.io/v1';
const DAY_MS = 86_400_000;

export const SECRET_PATH = '/api/v1/namespaces/jspolicy/secrets/jspolicy-webhook-cert';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A certificate whose life began so many days ago. */
export const certificateOfAge = (ageDays: number, options: CertificateOptions): Promise<ServingPair> =>
  createCertificates({ ...options, backdatedMs: ageDays * DAY_MS });

/** What jsPolicy keeps its certificate in. */
export const certificateSecret = ({ ca, cert, key }: ServingPair) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: { name: 'jspolicy-webhook-cert', namespace: 'jspolicy' },
  data: { 'ca.crt': base64(ca), 'tls.crt': base64(cert), 'tls.key': base64(key) },
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
export function formerWebhook(policy: JsPolicy, suffix: string, where: { url: string; ca: string }) {
  const { metadata, spec } = policy;
  const isMutating = spec.type === 'Mutating';
  const configuration = {
    apiVersion: WEBHOOK_API,
    kind: isMutating ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name: `${metadata.name}-${suffix}`, ownerReferences: [ownerOf(policy, false)] },
    webhooks: [
      {
        name: metadata.name,
        clientConfig: { url: `${where.url}/policy/${metadata.name}`, caBundle: base64(where.ca) },
        rules: [
          {
            operations: spec.operations,
            apiGroups: ['*'],
            apiVersions: ['*'],
            resources: spec.resources,
            scope: '*',
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
export const formerOwnWebhook = (where: { url: string; ca: string }) => ({
  apiVersion: WEBHOOK_API,
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'jspolicy' },
  webhooks: [
    {
      name: 'jspolicy.jspolicy.com',
      clientConfig: { url: `${where.url}/crds`, caBundle: base64(where.ca) },
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

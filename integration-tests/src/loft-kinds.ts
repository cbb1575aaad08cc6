/** Kinds that published policies of the Loft document speak of, as far as they need them. */
const cluster = (group: string, kind: string, plural: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Cluster',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export const ACCOUNTS = '/apis/config.kiosk.sh/v1alpha1/accounts';
export const SPACES = '/apis/tenancy.kiosk.sh/v1alpha1/spaces';
export const LOFT_KINDS = [
  cluster('config.kiosk.sh', 'Account', 'accounts'),
  cluster('tenancy.kiosk.sh', 'Space', 'spaces'),
];

export const account = (name: string, labels: Record<string, string>, ...subjects: string[]) => ({
  apiVersion: 'config.kiosk.sh/v1alpha1',
  kind: 'Account',
  metadata: { name, labels },
  spec: { subjects: subjects.map((subject) => ({ kind: 'User', name: subject })) },
});

export const space = (name: string, owner: string) => ({
  apiVersion: 'tenancy.kiosk.sh/v1alpha1',
  kind: 'Space',
  metadata: { name },
  spec: { account: owner },
});

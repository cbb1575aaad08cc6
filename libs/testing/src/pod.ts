import type { KubeObject } from '@jspolicy/contracts';

export interface PodOptions {
  name?: string;
  namespace?: string;
  image?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A pod that an API server accepts. */
export function pod({ name = 'web', namespace = 'default', image = 'nginx:1.27', ...rest }: PodOptions = {}) {
  const metadata = { name, namespace, ...rest };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [{ name: 'main', image }] },
  } satisfies KubeObject;
}

const jsonLength = (value: unknown): number => JSON.stringify(value).length;

/** A pod of exactly so many bytes of JSON, at least 500, most of them managedFields, as in a cluster. Always the same. */
export function podOfSize(bytes: number): KubeObject {
  const base = pod({ name: `size-${bytes}`, annotations: { 'test.jspolicy.com/padding': '' } });
  const managedFields: ReturnType<typeof managedField>[] = [];
  const made: KubeObject = { ...base, metadata: { ...base.metadata, managedFields } };
  const room = () => bytes - jsonLength(made);
  for (let i = 0; room() > jsonLength(managedField(i)); i++) managedFields.push(managedField(i));
  if (room() < 0) throw new Error(`a pod of ${bytes} bytes is too small to make: ask for 500 or more`);
  base.metadata.annotations = { 'test.jspolicy.com/padding': 'x'.repeat(room()) };
  made.metadata.annotations = base.metadata.annotations;
  return made;
}

/** What one field manager wrote, as the API server writes it down. */
function managedField(index: number) {
  const container = { '.': {}, 'f:image': {}, 'f:imagePullPolicy': {}, 'f:name': {}, 'f:resources': {}, 'f:ports': {} };
  return {
    manager: `controller-${index}`,
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:metadata': { 'f:labels': { '.': {}, [`f:app-${index}`]: {} }, 'f:ownerReferences': {} },
      'f:spec': {
        'f:containers': { [`k:{"name":"container-${index}"}`]: container },
        'f:restartPolicy': {},
        'f:terminationGracePeriodSeconds': {},
      },
    },
  };
}

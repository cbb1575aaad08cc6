import { randomUUID } from 'node:crypto';
import type { AdmissionReview, KubeObject } from '@jspolicy/contracts';

/** What the API server knows of a kind. Without it the usual plural is taken, and the namespace that the object names. */
interface Served {
  resource: string;
  namespaced: boolean;
}

/** The review of creating this object, as the API server would send it. */
export function reviewOf(object: KubeObject, served?: Served): AdmissionReview {
  const { apiVersion, kind } = object;
  const slash = apiVersion.indexOf('/');
  const of = { group: apiVersion.slice(0, Math.max(0, slash)), version: apiVersion.slice(slash + 1) };
  const resource = served?.resource ?? `${kind.toLowerCase()}s`;
  const namespace = object.metadata.namespace ?? (served?.namespaced ? 'default' : undefined);
  const placed = namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };
  const kinds = { kind: { ...of, kind }, resource: { ...of, resource } };
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: randomUUID(),
      ...kinds,
      requestKind: kinds.kind,
      requestResource: kinds.resource,
      name: object.metadata.name,
      ...(namespace !== undefined && { namespace }),
      operation: 'CREATE',
      userInfo: { username: 'jspolicy-review', groups: ['system:authenticated'] },
      object: placed,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
}

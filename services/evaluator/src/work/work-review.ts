import type { KubeObject, PolicyRecord, WorkMessage } from '@jspolicy/contracts';

export type WorkOperation = 'CREATE' | 'DELETE';

/** An object that is on its way out is a DELETE already, with the object; one that is gone is a DELETE without. */
export const operationOf = (object: KubeObject | undefined): WorkOperation =>
  object && !object.metadata.deletionTimestamp ? 'CREATE' : 'DELETE';

export const covers = ({ objects }: PolicyRecord, operation: WorkOperation): boolean =>
  objects !== undefined && (objects.operations.includes('*') || objects.operations.includes(operation));

/** What the policy is asked: name, namespace, operation, kind and object, and nothing else of a request. */
export function workReview({ object: asked }: WorkMessage, object: KubeObject | undefined): Uint8Array {
  const { group, version, kind, name, namespace } = asked;
  const request = {
    uid: '',
    kind: { group, version, kind },
    name,
    ...(namespace !== undefined && { namespace }),
    operation: operationOf(object),
    object: object ?? null,
  };
  const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request };
  return new TextEncoder().encode(JSON.stringify(review));
}

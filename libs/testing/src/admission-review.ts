import { randomUUID } from 'node:crypto';
import type { AdmissionRequest, AdmissionReview, KubeObject, UserInfo } from '@jspolicy/contracts';

export interface AdmissionReviewOptions {
  /** What is created or updated; what was there, for DELETE. */
  object: KubeObject;
  oldObject?: KubeObject | null;
  operation?: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** The plural; from the kind unless given. */
  resource?: string;
  subResource?: string;
  userInfo?: UserInfo;
  dryRun?: boolean;
  uid?: string;
  version?: 'v1' | 'v1beta1';
}

/** A review as the API server sends it: objects where the operation has them, null elsewhere. */
export function admissionReview(options: AdmissionReviewOptions): AdmissionReview & { request: AdmissionRequest } {
  const { object, operation = 'CREATE', version = 'v1', uid = randomUUID() } = options;
  const { name, namespace } = object.metadata;
  const deleted = operation === 'DELETE';
  const request: AdmissionRequest = {
    uid,
    ...kindAndResource(object, options.resource ?? `${object.kind.toLowerCase()}s`),
    ...(options.subResource && { subResource: options.subResource }),
    name,
    ...(namespace && { namespace }),
    operation,
    userInfo: options.userInfo ?? { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    object: deleted ? null : object,
    oldObject: options.oldObject ?? (deleted ? object : null),
    dryRun: options.dryRun ?? false,
    options: null,
  };
  return { kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request };
}

function kindAndResource({ apiVersion, kind: name }: KubeObject, plural: string) {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const of = { group: group as string, version: version as string };
  const kind = { ...of, kind: name };
  const resource = { ...of, resource: plural };
  return { kind, resource, requestKind: kind, requestResource: resource };
}

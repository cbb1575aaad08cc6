/** The AdmissionReview of admission.k8s.io, v1 and v1beta1: both have the same fields. */

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface GroupVersionResource {
  group: string;
  version: string;
  resource: string;
}

export interface UserInfo {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

export interface AdmissionRequest {
  uid: string;
  kind: GroupVersionKind;
  resource: GroupVersionResource;
  subResource?: string;
  requestKind?: GroupVersionKind;
  requestResource?: GroupVersionResource;
  requestSubResource?: string;
  name?: string;
  namespace?: string;
  operation: string;
  userInfo: UserInfo;
  object: unknown;
  oldObject: unknown;
  dryRun?: boolean;
  options: unknown;
}

export interface AdmissionResponse {
  uid: string;
  allowed: boolean;
  status: { metadata: Record<string, never>; message?: string; reason?: string; code: number };
  /** base64 of a JSON Patch. */
  patch?: string;
  patchType?: 'JSONPatch';
  warnings?: string[];
}

export interface AdmissionReview {
  kind: 'AdmissionReview';
  apiVersion: string;
  request?: AdmissionRequest;
  response?: AdmissionResponse;
}

/** The versions that are read, each answered in itself. */
export const REVIEW_VERSIONS = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'] as const;

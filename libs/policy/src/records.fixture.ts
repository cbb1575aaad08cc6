import type { PolicyRecord } from '@jspolicy/contracts';
import type { ReviewInfo, Verdict } from './verdict.ts';

/** For tests: a record with jsPolicy's defaults. */
export const record = (fields: Partial<PolicyRecord> = {}): PolicyRecord => ({
  schema: 1,
  name: 'p.example.com',
  uid: 'policy-uid',
  generation: 3,
  type: 'Validating',
  failurePolicy: 'Fail',
  violationPolicy: 'Deny',
  auditPolicy: 'Log',
  auditLogSize: 10,
  timeoutSeconds: 10,
  bundleError: 'missing',
  ...fields,
});

export const verdict = (fields: Partial<Verdict> = {}): Verdict => ({ deny: false, warnings: [], ...fields });

export const review = (fields: Partial<ReviewInfo> = {}): ReviewInfo => ({
  apiVersion: 'admission.k8s.io/v1',
  uid: '0d9f5d8e-4f0c-4ac0-9b3c-2b3b0f4a1c11',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  name: 'web',
  namespace: 'shop',
  operation: 'CREATE',
  userInfo: { username: 'dana', uid: 'u-7', groups: ['devs'] },
  dryRun: false,
  ...fields,
});

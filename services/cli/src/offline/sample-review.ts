import type { AdmissionReview } from '@jspolicy/contracts';
import { reviewOf } from './review-of-object.ts';

/** The creation of a plain Pod in the namespace default. */
export const podReview = (): AdmissionReview =>
  reviewOf({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'nginx:latest' }] },
  });

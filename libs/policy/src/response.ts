import type { AdmissionResponse, AdmissionReview } from '@jspolicy/contracts';
import type { Answer } from './decision.ts';
import { goJson } from './go-json.ts';

/**
 * The AdmissionReview that answers a review of this apiVersion and uid: JSON, a line end after it. The same fields in
 * the same order as the Go types give, so that what reads answers as text finds what it knows.
 */
export function admissionReviewAnswer(review: { apiVersion: string; uid: string }, answer: Answer): string {
  const { message, reason, code, patch, warnings } = answer;
  const response: AdmissionResponse = {
    uid: review.uid,
    allowed: answer.allowed,
    status: { metadata: {}, ...(message ? { message } : {}), ...(reason ? { reason } : {}), code },
    ...(patch ? { patch: Buffer.from(goJson(patch)).toString('base64'), patchType: 'JSONPatch' } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
  const body: AdmissionReview = { kind: 'AdmissionReview', apiVersion: review.apiVersion, response };
  return `${goJson(body)}\n`;
}

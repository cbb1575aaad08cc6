import { isDeepStrictEqual } from 'node:util';
import type { AdmissionReview } from '@jspolicy/contracts';
import { patched } from './json-patch.ts';
import type { Variant } from './workloads.ts';

export interface HttpAnswer {
  status: number;
  text: string;
}

/** An answer was wrong: nothing that was measured counts. */
export class WrongAnswer extends Error {
  override name = 'WrongAnswer';
}

/** What the floor says to everything. */
export const FLOOR_ANSWER = JSON.stringify({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  response: {
    uid: '00000000-0000-4000-8000-000000000000',
    allowed: true,
    status: { metadata: {}, code: 200 },
  },
});

/** Checks an answer to the review with this uid. Throws WrongAnswer. */
export type CheckAnswer = (answer: HttpAnswer, uid: string) => void;

export const checkFloor: CheckAnswer = ({ status, text }) => {
  if (status !== 200 || text !== FLOOR_ANSWER)
    throw new WrongAnswer(`the floor: HTTP ${status}: ${text.slice(0, 500)}`);
};

/**
 * Checks status, uid, decision, message and patch. A text that was found right is remembered without its uid, so that
 * checking costs next to nothing while others are measured.
 */
export function checkOf(variant: Variant): CheckAnswer {
  const right = new Set<string>();
  return ({ status, text }, uid) => {
    const known = text.replace(uid, '');
    if (status === 200 && known.length < text.length && right.has(known)) return;
    const problem = problemOf(variant, status, text, uid);
    if (problem) throw new WrongAnswer(`${problem}; HTTP ${status}: ${text.slice(0, 500)}`);
    right.add(known);
  };
}

function problemOf({ pod, expected }: Variant, status: number, text: string, uid: string): string | undefined {
  if (status !== 200) return 'the status is not 200';
  const { response } = JSON.parse(text) as AdmissionReview;
  if (response?.uid !== uid) return `the uid is not ${uid}`;
  if (response.allowed !== (expected.kind !== 'denied')) return `the review should be ${expected.kind}`;
  if (expected.kind === 'denied' && response.status.message !== expected.message)
    return `the message should be: ${expected.message}`;
  if (expected.kind !== 'mutated') return response.patch === undefined ? undefined : 'there should be no patch';
  const operations = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString() || '[]');
  return isDeepStrictEqual(patched(pod, operations), expected.object) ? undefined : 'the patch gives another object';
}

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { podReview } from '../offline/sample-review.ts';
import { SAMPLE_REVIEWS } from '../places.ts';
import { shellWord, shownPath } from '../terminal.ts';
import type { PolicyState } from './policy-state.ts';

/** A policy of k8s/samples, and a review that it denies. */
const SAMPLE = { policy: 'no-default-namespace.samples.jspolicy.com', review: 'pod-in-default.json' };

interface TryOptions {
  url: string;
  caFile: string;
  states: PolicyState[];
  /** Where a review may be written, when there is no sample for any of the policies. */
  dataDir: string;
}

/** One command that asks the webhook; undefined without a policy that is in force. */
export async function tryCommand({ url, caFile, states, dataDir }: TryOptions): Promise<string | undefined> {
  const enforced = states
    .filter(({ phase, type }) => phase === 'enforced' && type !== 'Controller')
    .map(({ name }) => name);
  const sample = join(SAMPLE_REVIEWS, SAMPLE.review);
  const isSample = enforced.includes(SAMPLE.policy) && existsSync(sample);
  const policy = isSample ? SAMPLE.policy : enforced[0];
  if (policy === undefined) return undefined;
  const review = isSample ? sample : join(dataDir, 'review.json');
  if (!isSample) await writeFile(review, `${JSON.stringify(podReview(), null, 2)}\n`);
  const words = ['curl', '-sS', '--cacert', shownPath(caFile), '-H', 'Content-Type: application/json'];
  const where = ['-d', `@${shownPath(review)}`, `${url}/policy/${policy}?timeout=10s`];
  return [...words, ...where].map(shellWord).join(' ');
}

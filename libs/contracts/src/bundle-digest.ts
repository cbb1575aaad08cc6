import { createHash } from 'node:crypto';
import type { Bundle } from './policy-record.ts';

/**
 * sha256, hex, of a bundle's script and of what is said of it. Both: a bundle is stored and loaded by its digest, and the
 * same script with another description is another bundle, which must not take its place.
 */
export function bundleDigest(bundle: Omit<Bundle, 'digest'>): string {
  const { script, isolation, isolationReason, preludeLength, form, authorStart = null, hostCalls } = bundle;
  const description = JSON.stringify([isolation, isolationReason, preludeLength, form, authorStart, hostCalls]);
  // The description is one line, the last one: no script with another one gives the same text.
  return createHash('sha256').update(`${script}\n${description}`).digest('hex');
}

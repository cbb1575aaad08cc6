import type { BundleFacts } from '../messages.ts';

/** A bundle as this process holds it. `waits`: whether evaluations may wait for the host; learnt when one tries to. */
export interface LoadedBundle extends BundleFacts {
  /** The policy's name: what stack frames bear. */
  name: string;
  script: string;
  kept: boolean;
}

/** The policy's own part of the script. */
export const ownPart = ({ script, preludeLength }: LoadedBundle): string => script.slice(preludeLength);

/** What a policy's frames bear, and the last line that is its author's: a call below it is ours. */
export interface AuthorText {
  name: string;
  /** From 1; Infinity where nothing stands around his text. */
  lastLine: number;
}

export function authorText(bundle: LoadedBundle): AuthorText {
  const { name, authorStart, authorLength } = bundle;
  if (authorLength === undefined) return { name, lastLine: Number.POSITIVE_INFINITY };
  const text = ownPart(bundle).slice(authorStart, authorStart + authorLength);
  return { name, lastLine: text.split(/\r\n|[\n\r\u2028\u2029]/).length };
}

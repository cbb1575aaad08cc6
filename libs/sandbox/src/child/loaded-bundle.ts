import type { BundleFacts } from '../messages.ts';

/** A bundle as this process holds it. `waits`: whether evaluations may wait for the host; learnt when one tries to. */
export interface LoadedBundle extends BundleFacts {
  /** The policy's name: what stack frames bear. */
  name: string;
  script: string;
  kept: boolean;
  /** Its code may go on after the policy's end. */
  mayGoOn: boolean;
}

/** The policy's own part of the script. */
export const ownPart = ({ script, preludeLength }: LoadedBundle): string => script.slice(preludeLength);

import type { BundleForm } from '@jspolicy/contracts';

/** A bundle as this process holds it. */
export interface LoadedBundle {
  digest: string;
  /** The policy's name: what stack frames bear. */
  name: string;
  script: string;
  preludeLength: number;
  form: BundleForm;
  kept: boolean;
  /** Whether evaluations may wait for the host; learnt when one tries to. */
  waits: boolean;
}

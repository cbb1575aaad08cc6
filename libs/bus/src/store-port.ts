import type { Bundle, PolicyRecord, QuarantineRecord } from '@jspolicy/contracts';
import type { Running } from './running.ts';

export interface PolicyHandler {
  onPut(record: PolicyRecord): void;
  onRemove(name: string): void;
  /** Everything that existed at the start was told. */
  onSynced(): void;
}

/** The policies as the data plane needs them. */
export interface PolicyStore {
  put(record: PolicyRecord): Promise<void>;
  get(name: string): Promise<PolicyRecord | undefined>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
  watch(handler: PolicyHandler): Promise<Running>;
}

export interface QuarantineHandler {
  /** Also those that are over by now. */
  onPut(record: QuarantineRecord): void;
  /** Everything that existed at the start was told. */
  onSynced(): void;
}

/** Which evaluators do not evaluate which policies for a while. An entry is over when its time is, and forgotten later. */
export interface QuarantineStore {
  put(record: QuarantineRecord): Promise<void>;
  watch(handler: QuarantineHandler): Promise<Running>;
}

/** Bundles by digest. */
export interface BundleStore {
  /** Does nothing when the digest is there already with the same information. */
  put(bundle: Bundle): Promise<void>;
  /** undefined when there is none. Throws when the bytes do not match the digest. */
  get(digest: string): Promise<Bundle | undefined>;
  remove(digest: string): Promise<void>;
  /** Of all that are stored. */
  digests(): Promise<string[]>;
}

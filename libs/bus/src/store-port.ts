import type { Bundle, PolicyRecord, QuarantineRecord } from '@jspolicy/contracts';
import type { Running } from './running.ts';

export interface PolicyHandler {
  /** Revisions grow with each change of the bucket, until it is lost and made anew. */
  onPut(record: PolicyRecord, revision: number): void;
  onRemove(name: string): void;
  /** Each entry was told up to this one, also those that could not be read. */
  onRevision?(revision: number): void;
  /** Everything that existed at the start was told. */
  onSynced(): void;
}

export interface StoredPolicy {
  record: PolicyRecord;
  revision: number;
}

/** The policies as the data plane needs them. */
export interface PolicyStore {
  /** Gives the revision that the record has in the bucket. */
  put(record: PolicyRecord): Promise<number>;
  get(name: string): Promise<PolicyRecord | undefined>;
  /** As get, with the revision. */
  find(name: string): Promise<StoredPolicy | undefined>;
  /** Of the newest change of the bucket; 0 when there was none. */
  lastRevision(): Promise<number>;
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

import { BUNDLES_BUCKET, type Bundle, type BundleInfo, bundleDigest } from '@jspolicy/contracts';
import type { NatsConnection } from '@nats-io/nats-core';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { hedged } from './hedged.ts';
import type { BundleStore } from './store-port.ts';

/** A byte order mark is part of a script as anything else. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** JSPOLICY_BUNDLES: a script under its digest, with what is known of it as metadata. */
export class ObjectBundleStore implements BundleStore {
  readonly #objm: Objm;
  #store: Promise<ObjectStore> | undefined;

  constructor(connection: NatsConnection) {
    this.#objm = new Objm(connection);
  }

  async put(bundle: Bundle): Promise<void> {
    const { script, ...info } = bundle;
    const store = await this.#open();
    const metadata = { info: JSON.stringify(info) };
    const existing = await store.info(bundle.digest);
    if (existing && !existing.deleted && existing.metadata?.['info'] === metadata.info) return;
    await store.putBlob({ name: bundle.digest, metadata }, new TextEncoder().encode(script));
  }

  get(digest: string): Promise<Bundle | undefined> {
    return hedged(() => this.#read(digest));
  }

  async #read(digest: string): Promise<Bundle | undefined> {
    const store = await this.#open();
    const [object, bytes] = await Promise.all([store.info(digest), store.getBlob(digest)]);
    const info = object?.metadata?.['info'];
    if (!bytes || object?.deleted || info === undefined) return undefined;
    const bundle = { ...(JSON.parse(info) as BundleInfo), script: utf8.decode(bytes) };
    if (bundleDigest(bundle) !== digest) throw new Error(`bundle ${digest}: what is stored does not match the digest`);
    return bundle;
  }

  async remove(digest: string): Promise<void> {
    await (await this.#open()).delete(digest);
  }

  async digests(): Promise<string[]> {
    return (await (await this.#open()).list()).filter(({ deleted }) => !deleted).map(({ name }) => name);
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= this.#objm.open(BUNDLES_BUCKET).catch((error: unknown) => {
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }
}

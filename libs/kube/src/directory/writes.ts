import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@jspolicy/contracts';
import { checkSegment, keyOf, namespaceFor, qualifiedResource, splitApiVersion } from '../object-names.ts';
import {
  type Cluster,
  KubeError,
  type RemoveOptions,
  type RequestOptions,
  type ResourceType,
  type WriteOptions,
} from '../port.ts';
import { manifestKey } from './manifests.ts';
import { hasStatus, specHash, timestamp, uidOf } from './object-identity.ts';
import type { Store } from './store.ts';
import type { Origin } from './view.ts';

type Writes = Pick<Cluster, 'create' | 'update' | 'updateStatus' | 'remove'>;

export interface DirectoryWritesOptions {
  /** Every write is a dry run, and manifests may be written to like that. */
  dryRunOnly?: boolean | undefined;
}

/** What services write, with the API server's rules for versions and conflicts. Manifests are never touched. */
export class DirectoryWrites implements Writes {
  readonly #store: Store;
  readonly #dryRunOnly: boolean;

  constructor(store: Store, { dryRunOnly = false }: DirectoryWritesOptions = {}) {
    this.#store = store;
    this.#dryRunOnly = dryRunOnly;
  }

  create(type: ResourceType, given: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    const object = withName(given);
    return this.#write(type, object, options, async (found) => {
      const { status, ...content } = withoutManaged(object);
      if (found) throw new KubeError(409, 'AlreadyExists', `${named(type, object)} already exists`);
      const metadata = { ...object.metadata, uid: uidOf(object), generation: 1, creationTimestamp: timestamp() };
      const shown = hasStatus(object) || status === undefined ? content : { ...content, status };
      return this.#put({ ...shown, metadata }, options);
    });
  }

  update(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.#write(type, object, options, async (found) => {
      const before = this.#writable(type, object, found);
      const { uid = '', generation = 1, creationTimestamp = '' } = before.metadata;
      const changed = specHash(before) !== specHash(object);
      const metadata = { ...object.metadata, uid, creationTimestamp, generation: generation + (changed ? 1 : 0) };
      const { status, ...content } = object;
      const kept = hasStatus(object) ? before['status'] : status;
      return this.#putChanged(before, { ...content, metadata, ...(kept !== undefined && { status: kept }) }, options);
    });
  }

  updateStatus(type: ResourceType, object: KubeObject, options?: RequestOptions): Promise<KubeObject> {
    return this.#write(type, object, options, async (found) => {
      const { status } = object;
      if (found?.from !== 'manifest') {
        const before = this.#writable(type, object, found);
        return this.#putChanged(before, { ...before, ...(status !== undefined && { status }) }, options);
      }
      if (!found.overlay) throw readOnly(type, found.manifest.file, object);
      checkVersion(type, object, found.object);
      if (isDeepStrictEqual(status, found.overlay.status)) return found.object;
      const resourceVersion = await this.#store.state.nextVersion();
      await this.#store.state.write({ kind: 'overlay', overlay: { ...found.overlay, status, resourceVersion } });
      const metadata = { ...found.object.metadata, resourceVersion };
      return { ...found.object, metadata, status };
    });
  }

  async remove(type: ResourceType, name: string, namespace?: string, options?: RemoveOptions): Promise<void> {
    const object = nameOnly(type, checkSegment(name, 'name'), namespaceFor(type, namespace));
    await this.#write(type, object, options, async (found) => {
      if (!found && options?.mustExist) throw notFound(type, object);
      if (found?.from === 'manifest') this.#mustBeDry(type, found, object);
      if (found && !this.#isDry(options)) await this.#store.state.remove({ kind: 'object', object: found.object });
      return object;
    });
  }

  /** Runs under the lock, on what the files say under it. The view has the change when this resolves. */
  async #write(
    type: ResourceType,
    object: KubeObject,
    options: RequestOptions | undefined,
    work: (found: Origin | undefined) => Promise<KubeObject>,
  ): Promise<KubeObject> {
    checkSegment(object.metadata.name, 'name');
    namespaceFor(type, object.metadata.namespace);
    options?.signal?.throwIfAborted();
    await this.#store.refresh();
    const written = await this.#store.state.locked(async () => {
      options?.signal?.throwIfAborted();
      return work(await this.#store.fresh(manifestKey(object)));
    });
    await this.#store.refresh();
    return structuredClone(written);
  }

  #writable(type: ResourceType, object: KubeObject, found: Origin | undefined): KubeObject {
    if (!found) throw notFound(type, object);
    if (found.from === 'manifest') this.#mustBeDry(type, found, object);
    checkVersion(type, object, found.object);
    return found.object;
  }

  /** What changes nothing keeps its resourceVersion, as with the API server. */
  async #putChanged(before: KubeObject, object: KubeObject, options: WriteOptions | undefined): Promise<KubeObject> {
    const { resourceVersion = '' } = before.metadata;
    const same = { ...object, metadata: { ...object.metadata, resourceVersion } };
    return isDeepStrictEqual(JSON.parse(JSON.stringify(same)), before) ? before : this.#put(object, options);
  }

  async #put(object: KubeObject, options: WriteOptions | undefined): Promise<KubeObject> {
    if (this.#isDry(options)) return object;
    const resourceVersion = await this.#store.state.nextVersion();
    const written = { ...object, metadata: { ...object.metadata, resourceVersion } };
    await this.#store.state.write({ kind: 'object', object: written });
    return written;
  }

  #isDry(options: WriteOptions | undefined): boolean {
    return this.#dryRunOnly || options?.dryRun === true;
  }

  #mustBeDry(type: ResourceType, { manifest }: Extract<Origin, { from: 'manifest' }>, object: KubeObject): void {
    if (!this.#dryRunOnly) throw readOnly(type, manifest.file, object);
  }
}

const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** With the five random characters that the API server puts behind a generateName. */
function withName(object: KubeObject): KubeObject {
  const { name, generateName } = object.metadata;
  if (name || typeof generateName !== 'string' || generateName === '') return object;
  const suffix = Array.from({ length: 5 }, () => NAME_LETTERS[randomInt(NAME_LETTERS.length)]).join('');
  return { ...object, metadata: { ...object.metadata, name: generateName + suffix } };
}

function nameOnly(type: ResourceType, name: string, namespace: string | undefined): KubeObject {
  const { group, version, kind } = type;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}

function withoutManaged(object: KubeObject): KubeObject {
  if (object.metadata.resourceVersion) {
    throw new KubeError(400, 'BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  return object;
}

function checkVersion(type: ResourceType, object: KubeObject, current: KubeObject): void {
  const { resourceVersion, uid } = object.metadata;
  const sameVersion = !resourceVersion || resourceVersion === current.metadata.resourceVersion;
  if (sameVersion && (!uid || uid === current.metadata.uid)) return;
  const text = 'the object has been modified; please apply your changes to the latest version and try again';
  const { name } = object.metadata;
  throw new KubeError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(type)} "${name}": ${text}`,
  );
}

const notFound = (type: ResourceType, object: KubeObject): KubeError =>
  new KubeError(404, 'NotFound', `${named(type, object)} not found`);

function readOnly(type: ResourceType, file: string, object: KubeObject): KubeError {
  const text = `${qualifiedResource(type)} "${keyOf(object)}" is defined in ${file}, which is only read`;
  return new KubeError(403, 'Forbidden', text);
}

const named = (type: ResourceType, object: KubeObject): string =>
  `${qualifiedResource({ ...type, ...splitApiVersion(object.apiVersion) })} "${object.metadata.name}"`;

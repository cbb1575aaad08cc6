import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, Informers, ListOptions, ResourceType } from '@jspolicy/kube';
import { JsonText } from '@jspolicy/sandbox';
import { type ClusterReader, DirectReader, type ReadFrom } from './cluster-reader.ts';
import { kubeErrorOf } from './host-call-error.ts';
import { withSortedKeys } from './sorted-keys.ts';

/** A cluster, and informers on it whose texts are those of objectText(). */
export interface ReadCluster {
  cluster: Cluster;
  informers: Informers;
}

/** An object as policies get it. */
export const objectText = (object: KubeObject): string => JSON.stringify(withSortedKeys(object));

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

/** Answers from copies where a read may be, with their texts as they are kept; asks the cluster elsewhere. */
export class CachedReader implements ClusterReader {
  readonly #open: () => Promise<ReadCluster>;
  readonly #direct: DirectReader;

  constructor(open: () => Promise<ReadCluster>) {
    this.#open = open;
    this.#direct = new DirectReader(async () => (await open()).cluster);
  }

  resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<ResourceType> {
    return this.#direct.resolve(apiVersion, kind, signal);
  }

  async get(
    type: ResourceType,
    key: { name: string; namespace?: string },
    from: ReadFrom,
    signal: AbortSignal,
  ): Promise<KubeObject | JsonText | undefined> {
    if (from === 'cluster') return this.#direct.get(type, key, from, signal);
    const { informers } = await this.#open();
    const read = informers.get(type, key, signal);
    const copy = await (from === 'copy' ? read : read.catch(undefinedWhenRefused));
    if (copy?.text) return new JsonText([copy.text]);
    if (copy && from === 'copy') return undefined;
    return this.#direct.get(type, key, from, signal);
  }

  async list(type: ResourceType, options: ListOptions, from: ReadFrom): Promise<KubeObject[] | JsonText> {
    const { informers } = await this.#open();
    const copies = from === 'cluster' ? undefined : await informers.list(type, options);
    return copies ? listText(copies) : this.#direct.list(type, options);
  }
}

function listText(texts: Uint8Array[]): JsonText {
  const pieces = [OPEN as Uint8Array];
  for (const text of texts) pieces.push(text, COMMA);
  // The last comma, or nothing, gives way to the end.
  pieces.splice(Math.max(1, pieces.length - 1), 1, CLOSE);
  return new JsonText(pieces);
}

/** The kind cannot be copied: that says nothing about one object of it. */
function undefinedWhenRefused(error: unknown): undefined {
  if (!kubeErrorOf(error)) throw error;
  return undefined;
}

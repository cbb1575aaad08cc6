import type { KubeObject } from '@jspolicy/contracts';
import { keyOf } from '../object-names.ts';

/** What a query is judged by, and the object as readers get it. */
export interface ObjectCopy {
  readonly key: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Record<string, string> | undefined;
  /** UTF-8. Shared by all who read it: never written. */
  readonly text: Uint8Array;
}

/** An object as readers get it. */
export type TextOf = (object: KubeObject) => string;

export interface CopiesSize {
  objects: number;
  /** Of the texts; what is kept beside each takes some 400 bytes more. */
  bytes: number;
}

/**
 * Copies of the objects of one kind, in the order in which the API server lists them: by namespace/name. Texts are kept
 * outside of the JavaScript heap, which they would fill, and give the garbage collector nothing to do.
 */
export class ObjectCopies {
  readonly #sorted: ObjectCopy[] = [];
  #bytes = 0;

  get size(): CopiesSize {
    return { objects: this.#sorted.length, bytes: this.#bytes };
  }

  get(key: string): ObjectCopy | undefined {
    const found = this.#sorted[this.#placeOf(key)];
    return found?.key === key ? found : undefined;
  }

  put(object: KubeObject, text: string): void {
    const copy = copyOf(object, text);
    const place = this.#placeOf(copy.key);
    const before = this.#sorted[place];
    this.#bytes += copy.text.length;
    if (before?.key !== copy.key) {
      this.#sorted.splice(place, 0, copy);
      return;
    }
    this.#bytes -= before.text.length;
    this.#sorted[place] = copy;
  }

  delete(key: string): void {
    const place = this.#placeOf(key);
    const found = this.#sorted[place];
    if (found?.key !== key) return;
    this.#sorted.splice(place, 1);
    this.#bytes -= found.text.length;
  }

  /** Those of a namespace lie side by side. */
  *inside(namespace: string | undefined): Generator<ObjectCopy> {
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    for (let at = prefix === '' ? 0 : this.#placeOf(prefix); at < this.#sorted.length; at++) {
      const copy = this.#sorted[at] as ObjectCopy;
      if (!copy.key.startsWith(prefix)) return;
      yield copy;
    }
  }

  /** Where the key is, or would be. New objects of a list come last, so that the end is looked at first. */
  #placeOf(key: string): number {
    const last = this.#sorted.at(-1);
    if (last === undefined || last.key < key) return this.#sorted.length;
    let low = 0;
    let high = this.#sorted.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as ObjectCopy).key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function copyOf(object: KubeObject, text: string): ObjectCopy {
  const { name, namespace, labels } = object.metadata;
  // Not from the shared pool: a small text that stays would hold 8 KiB of others that went.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return { key: keyOf(object), name, namespace, labels, text: bytes };
}

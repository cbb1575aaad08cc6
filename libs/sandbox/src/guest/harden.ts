import type { Intrinsics } from './intrinsics.ts';

/**
 * Freezes every intrinsic object, those that no global names included, so that nothing written there outlives an
 * evaluation. The global object itself stays open; it is swept. Guest code.
 */
export function hardener(intrinsics: Intrinsics, enableOverrides: () => unknown[]) {
  const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys, freeze } = intrinsics;

  /** Objects that only syntax or calls lead to. */
  const hidden = (): unknown[] => {
    // V8 gives each error its own accessors of `stack`, the same two functions for all of a context.
    const stack = getOwnPropertyDescriptor(new Error(), 'stack');
    const captured = {};
    Error.captureStackTrace(captured);
    const capturedStack = getOwnPropertyDescriptor(captured, 'stack');
    const iteratorOf = (value: object): unknown => getPrototypeOf(value);
    return [
      stack?.get,
      stack?.set,
      capturedStack?.get,
      capturedStack?.set,
      getPrototypeOf(function* () {}),
      getPrototypeOf(async function* () {}),
      getPrototypeOf(async () => {}),
      iteratorOf([][Symbol.iterator]()),
      iteratorOf(''[Symbol.iterator]()),
      iteratorOf(new Map()[Symbol.iterator]()),
      iteratorOf(new Set()[Symbol.iterator]()),
      iteratorOf('x'.matchAll(/x/g)),
      iteratorOf([].values().map((value) => value)),
      iteratorOf(Iterator.from({ next: () => ({ done: true, value: undefined }) })),
      iteratorOf(new Intl.Segmenter().segment('')),
      iteratorOf(new Intl.Segmenter().segment('')[Symbol.iterator]()),
      getPrototypeOf(getPrototypeOf((async function* () {})()) as object),
      getOwnPropertyDescriptor(
        (function () {
          return arguments;
        })(),
        Symbol.iterator,
      )?.value,
    ];
  };

  const freezeAll = (roots: unknown[]): void => {
    const waiting = roots;
    const seen = new Set<unknown>();
    while (waiting.length > 0) {
      const value = waiting.pop();
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
      seen.add(value);
      if (value === globalThis) {
        waiting.push(getPrototypeOf(value));
        continue;
      }
      waiting.push(getPrototypeOf(value));
      for (const key of ownKeys(value)) {
        const descriptor = getOwnPropertyDescriptor(value, key);
        if (descriptor !== undefined) waiting.push(descriptor.value, descriptor.get, descriptor.set);
      }
      freeze(value);
    }
  };

  /** `names`: globals that were there before the prelude. */
  return (names: PropertyKey[]): void => {
    const roots = [...enableOverrides(), ...hidden()];
    for (const name of names) {
      const descriptor = getOwnPropertyDescriptor(globalThis, name);
      if (descriptor !== undefined) roots.push(descriptor.value, descriptor.get, descriptor.set);
    }
    freezeAll(roots);
  };
}

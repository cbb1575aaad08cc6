import type { Intrinsics } from './intrinsics.ts';

/**
 * Assigning to a property that is inherited from a frozen object fails, silently in sloppy code. So the inherited
 * properties that programs do assign become accessors first, whose setter makes an own property, as if nothing were
 * frozen. Guest code.
 */
export function overrideAccessors(intrinsics: Intrinsics) {
  const { getOwnPropertyDescriptor, defineProperty, ownKeys, hasOwn, TypeError } = intrinsics;

  const enable = (owner: object, key: PropertyKey): void => {
    const descriptor = getOwnPropertyDescriptor(owner, key);
    if (!descriptor?.configurable || !('value' in descriptor)) return;
    const { value, enumerable = false } = descriptor;
    const accessors = {
      get() {
        return value;
      },
      set(this: unknown, next: unknown) {
        if (this === owner || (typeof this !== 'object' && typeof this !== 'function') || this === null) {
          throw new TypeError(`Cannot assign to read only property '${String(key)}'`);
        }
        if (hasOwn(this, key)) (this as Record<PropertyKey, unknown>)[key] = next;
        else defineProperty(this, key, { value: next, writable: true, enumerable: true, configurable: true });
      },
    };
    const { get, set } = getOwnPropertyDescriptor(accessors, 'get')
      ? { get: accessors.get, set: accessors.set }
      : accessors;
    defineProperty(owner, key, { get, set, enumerable, configurable: true });
  };

  /** What V8's fast paths watch: loops over arrays, await, regular expressions. The bundler looks for writes to these. */
  const watched: [object, PropertyKey][] = [
    [Promise, 'resolve'],
    [Promise.prototype, 'then'],
    [RegExp.prototype, 'exec'],
    [RegExp.prototype, 'flags'],
  ];
  const isWatched = (owner: object, key: PropertyKey): boolean => {
    if (key === Symbol.iterator || key === Symbol.species || key === 'next') return true;
    for (const [object, name] of watched) if (object === owner && name === key) return true;
    return false;
  };

  const all = (owner: object): void => {
    for (const key of ownKeys(owner)) if (key !== 'prototype' && !isWatched(owner, key)) enable(owner, key);
  };

  return (): void => {
    // Constructors too: a class inherits what stands at the one that it extends.
    for (const name of ownKeys(globalThis)) {
      const value = getOwnPropertyDescriptor(globalThis, name)?.value as { prototype?: unknown } | undefined;
      if (typeof value !== 'function') continue;
      const { prototype } = value;
      if (typeof prototype === 'object' && prototype !== null) all(prototype);
      else if (prototype === undefined) continue;
      all(value);
    }
    all(Function.prototype);
    all(Object.getPrototypeOf(Uint8Array));
    all(Object.getPrototypeOf(Uint8Array.prototype));
    all(Object.getPrototypeOf(function* () {}));
    all(Object.getPrototypeOf((function* () {})()));
    all(Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())));
    all(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
  };
}

import type { Intrinsics } from './intrinsics.ts';

/**
 * Assigning to a property that is inherited from a frozen object fails, silently in sloppy code. So the inherited
 * properties that programs do assign become accessors first, whose setter makes an own property, as if nothing were
 * frozen. What leads to new code or to jobs that run later is wired: needsFresh, which may throw, is called when it is read. Guest code.
 */
export function overrideAccessors(intrinsics: Intrinsics, needsFresh: () => void) {
  const { getOwnPropertyDescriptor, defineProperty, ownKeys, hasOwn, TypeError } = intrinsics;

  const hidden: unknown[] = [];
  const functionPrototypes: object[] = [
    Function.prototype,
    Object.getPrototypeOf(function* () {}),
    Object.getPrototypeOf(async () => {}),
    Object.getPrototypeOf(async function* () {}),
  ];
  const WIRED_GLOBALS = ['Function', 'eval', 'Promise', 'WeakRef', 'FinalizationRegistry', 'Reflect'];
  const WIRED_MEMBERS = [
    'isFrozen',
    'isSealed',
    'isExtensible',
    'getOwnPropertyDescriptor',
    'getOwnPropertyDescriptors',
    '__lookupGetter__',
    '__lookupSetter__',
  ];
  const isWired = (owner: object, key: PropertyKey): boolean => {
    if (key === 'constructor') for (const each of functionPrototypes) if (each === owner) return true;
    // These tell a frozen object from others.
    if (owner === Object || owner === Object.prototype) for (const name of WIRED_MEMBERS) if (name === key) return true;
    if (owner === globalThis) for (const name of WIRED_GLOBALS) if (name === key) return true;
    return false;
  };

  const enable = (owner: object, key: PropertyKey): void => {
    const descriptor = getOwnPropertyDescriptor(owner, key);
    // What is not writable cannot be overridden by assignment in a fresh context either.
    if (!descriptor?.configurable || descriptor.writable !== true) return;
    const { value, enumerable = false } = descriptor;
    defineProperty(hidden, hidden.length, { value, writable: true, enumerable: true, configurable: true });
    const wired = isWired(owner, key);
    const accessors = {
      get() {
        if (wired) needsFresh();
        return value;
      },
      set(this: unknown, next: unknown) {
        if (
          (this === owner && owner !== globalThis) ||
          (typeof this !== 'object' && typeof this !== 'function') ||
          this === null
        ) {
          throw new TypeError(`Cannot assign to read only property '${String(key)}'`);
        }
        if (hasOwn(this, key) && this !== owner) (this as Record<PropertyKey, unknown>)[key] = next;
        else if (!defineProperty(this, key, { value: next, writable: true, enumerable: true, configurable: true })) {
          throw new TypeError(`Cannot add property ${String(key)}, object is not extensible`);
        }
      },
    };
    defineProperty(owner, key, { get: accessors.get, set: accessors.set, enumerable, configurable: true });
  };

  /** What V8's fast paths watch: loops over arrays, await, regular expressions. The bundler looks for writes to these. */
  const watched: [object, PropertyKey][] = [
    [Promise, 'resolve'],
    [Promise.prototype, 'then'],
    [RegExp.prototype, 'exec'],
    [RegExp.prototype, 'flags'],
    // Read as a data property: behind an accessor errors would have no stack.
    [Error, 'stackTraceLimit'],
  ];
  const isWatched = (owner: object, key: PropertyKey): boolean => {
    if (key === Symbol.iterator || key === Symbol.species || key === 'next') return true;
    for (const [object, name] of watched) if (object === owner && name === key) return true;
    return false;
  };

  const all = (owner: object): void => {
    for (const key of ownKeys(owner)) if (key !== 'prototype' && !isWatched(owner, key)) enable(owner, key);
  };

  /** Gives the values that stand behind accessors now: nothing else leads to them but their getters. */
  return (): unknown[] => {
    // Constructors too: a class inherits what stands at the one that it extends.
    for (const name of ownKeys(globalThis)) {
      const value = getOwnPropertyDescriptor(globalThis, name)?.value as { prototype?: unknown } | undefined;
      if (typeof value !== 'function') continue;
      const { prototype } = value;
      if (typeof prototype === 'object' && prototype !== null) all(prototype);
      else if (prototype === undefined) continue;
      all(value);
    }
    for (const prototype of functionPrototypes) enable(prototype, 'constructor');
    for (const name of WIRED_GLOBALS) enable(globalThis, name);
    all(Function.prototype);
    all(Object.getPrototypeOf(Uint8Array));
    all(Object.getPrototypeOf(Uint8Array.prototype));
    all(Object.getPrototypeOf(function* () {}));
    all(Object.getPrototypeOf((function* () {})()));
    all(Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())));
    all(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
    return hidden;
  };
}

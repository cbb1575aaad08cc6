import type { Intrinsics } from './intrinsics.ts';

/**
 * Assigning to a property that is inherited from a frozen object fails, silently in sloppy code. So the inherited
 * properties that programs do assign become accessors first, whose setter makes an own property, as if nothing were
 * frozen. Guest code. Left as they are: what V8's fast paths for arrays, promises and regular expressions watch.
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

  const all = (owner: object): void => {
    for (const key of ownKeys(owner)) enable(owner, key);
  };

  return (): void => {
    all(Object.prototype);
    all(Function.prototype);
    all(Error.prototype);
    const errors = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError];
    for (const constructor of errors) all(constructor.prototype);
    for (const key of ['toString', 'toLocaleString', 'push', 'concat', 'map', 'filter', 'forEach', 'slice', 'join']) {
      enable(Array.prototype, key);
    }
    for (const constructor of [Date, Map, Set, WeakMap, WeakSet, Boolean, Number, String, Symbol, BigInt]) {
      for (const key of ['constructor', 'toString', 'valueOf', 'get', 'set', 'has', 'add', 'delete', 'toJSON']) {
        enable(constructor.prototype, key);
      }
    }
    for (const key of ['toString', 'catch', 'finally']) enable(Promise.prototype, key);
    for (const key of ['toString', 'test']) enable(RegExp.prototype, key);
    all(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
  };
}

import type { Intrinsics } from './intrinsics.ts';

/**
 * Freezes every intrinsic object, those that no global names included, and what packages give away, so that nothing
 * written there outlives an evaluation. What a package holds for itself stays as it is. The global object itself stays
 * open; it is swept. Guest code.
 */
export function hardener(intrinsics: Intrinsics, enableOverrides: () => unknown[], needsFresh: () => void) {
  const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys, freeze, preventExtensions, defineProperty } = intrinsics;
  const { apply, hasOwn, isRegExp, isDate, isMemory, isCollection, TypeError } = intrinsics;
  const seen = new Set<unknown>();
  const isObject = (value: unknown): value is object =>
    (typeof value === 'object' && value !== null) || typeof value === 'function';

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

  /** `close`: ends the changes of one object; it is called once for each that the roots lead to. */
  const visitAll = (roots: unknown[], close: (value: object, waiting: unknown[]) => void): void => {
    const waiting = roots;
    while (waiting.length > 0) {
      const value = waiting.pop();
      if (!isObject(value) || seen.has(value)) continue;
      seen.add(value);
      waiting.push(getPrototypeOf(value));
      if (value === globalThis) continue;
      for (const key of ownKeys(value)) {
        const descriptor = getOwnPropertyDescriptor(value, key);
        if (descriptor !== undefined) waiting.push(descriptor.value, descriptor.get, descriptor.set);
      }
      close(value, waiting);
    }
  };

  /** What they change is no property, which could be frozen. A policy may catch what they throw, so the run is given up. */
  const refuse = () => {
    needsFresh();
    throw new TypeError('Cannot change what a package holds');
  };
  const refuseAll = (value: object, names: string[]): void => {
    for (const name of names) if (!hasOwn(value, name)) defineProperty(value, name, { value: refuse });
  };
  const setters = ownKeys(Date.prototype).filter((name) => typeof name === 'string' && /^set/.test(name)) as string[];
  /** Of regular expressions only lastIndex stays open, because packages search with them; it is put back. */
  const expressions: RegExp[] = [];

  const closeOfPackage = (value: object, waiting: unknown[]): void => {
    for (const key of ownKeys(value)) {
      const get = getOwnPropertyDescriptor(value, key)?.get;
      // Exports are behind these.
      if (get) waiting.push(valueOf(get, value));
    }
    // It can neither be frozen nor compared in time.
    if (isMemory(value)) throw new TypeError('a package gives away memory');
    if (isRegExp(value)) {
      refuseAll(value, ['compile']);
      expressions.push(value);
      preventExtensions(value);
      return;
    }
    if (isCollection(value)) refuseAll(value, ['set', 'add', 'delete', 'clear']);
    if (isDate(value)) refuseAll(value, setters);
    freeze(value);
  };

  const valueOf = (get: () => unknown, owner: object): unknown => {
    try {
      return apply(get, owner, []);
    } catch {
      return undefined;
    }
  };

  const globalsOf = (names: PropertyKey[]): unknown[] =>
    names.flatMap((name) => {
      const descriptor = getOwnPropertyDescriptor(globalThis, name);
      return descriptor === undefined ? [] : [descriptor.value, descriptor.get, descriptor.set];
    });

  /** `names`: globals that were there before the prelude. Gives a function that puts back what packages' searches left. */
  return (names: PropertyKey[]): (() => void) => {
    visitAll([...enableOverrides(), ...hidden(), ...globalsOf(names)], (value) => freeze(value));
    const before = new Set(names);
    visitAll(globalsOf(ownKeys(globalThis).filter((name) => !before.has(name))), closeOfPackage);
    return () => {
      for (let index = 0; index < expressions.length; index++) (expressions[index] as RegExp).lastIndex = 0;
    };
  };
}

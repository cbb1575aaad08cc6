import type { Intrinsics } from './intrinsics.ts';

/** Compares the global object with what it was, and puts it back. Guest code; runs when no policy code can. */
export function globalSweeper(intrinsics: Intrinsics) {
  const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys, isExtensible, defineProperty, deleteProperty } =
    intrinsics;
  const { create, freeze, is, apply, execRegExp, RegExp } = intrinsics;
  type Kept = Record<PropertyKey, PropertyDescriptor>;
  const anything = new RegExp('');

  const same = (a: PropertyDescriptor, b: PropertyDescriptor): boolean =>
    is(a.value, b.value) &&
    a.get === b.get &&
    a.set === b.set &&
    a.writable === b.writable &&
    a.enumerable === b.enumerable &&
    a.configurable === b.configurable;

  /** Keeps what the globals are now. */
  const remember = () => {
    const kept = create(null) as Kept;
    const names = ownKeys(globalThis);
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as PropertyKey;
      const descriptor = getOwnPropertyDescriptor(globalThis, name);
      // Without a prototype, so that defineProperty() reads what stands here and nothing inherited.
      if (descriptor !== undefined) kept[name] = freeze(Object.assign(create(null), descriptor));
    }
    return { kept, names, prototype: getPrototypeOf(globalThis) };
  };

  const removeNew = (kept: Kept): boolean => {
    const names = ownKeys(globalThis);
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as PropertyKey;
      if (kept[name] === undefined && !deleteProperty(globalThis, name)) return false;
    }
    return true;
  };

  const restore = (kept: Kept, names: PropertyKey[]): boolean => {
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as PropertyKey;
      const wanted = kept[name] as PropertyDescriptor;
      const found = getOwnPropertyDescriptor(globalThis, name);
      if (found !== undefined && same(found, wanted)) continue;
      if (!defineProperty(globalThis, name, wanted)) return false;
    }
    return true;
  };

  return () => {
    const { kept, names, prototype } = remember();
    return (): boolean => {
      // RegExp.$1 and its kin become those of a new context.
      apply(execRegExp, anything, ['']);
      return (
        isExtensible(globalThis) && getPrototypeOf(globalThis) === prototype && removeNew(kept) && restore(kept, names)
      );
    };
  };
}

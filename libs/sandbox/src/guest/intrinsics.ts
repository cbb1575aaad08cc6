/**
 * Guest code: the functions of this folder become text and are evaluated inside each context (see bootstrap.ts). They may
 * use their parameters and the language alone, never another module's values. Policy code can change every prototype
 * after the bootstrap ran, so what must not be fooled uses what is captured here.
 */
export function captureIntrinsics() {
  const {
    apply,
    ownKeys,
    getOwnPropertyDescriptor,
    getPrototypeOf,
    defineProperty,
    deleteProperty,
    isExtensible,
    preventExtensions,
  } = Reflect;
  const { freeze, create, is } = Object;
  const { parse, stringify } = JSON;
  return {
    apply,
    ownKeys,
    getOwnPropertyDescriptor,
    getPrototypeOf,
    defineProperty,
    deleteProperty,
    isExtensible,
    preventExtensions,
    freeze,
    create,
    is,
    parse,
    stringify,
    isArray: Array.isArray,
    toText: String,
    Error,
    TypeError,
    RegExp,
    execRegExp: RegExp.prototype.exec,
    hasOwn: Object.hasOwn,
    isRegExp: (value: object): value is RegExp => Object.prototype.toString.call(value) === '[object RegExp]',
    isDate: (value: object): boolean => Object.prototype.toString.call(value) === '[object Date]',
    isMemory: (value: object): boolean => ArrayBuffer.isView(value) || value instanceof ArrayBuffer,
    isCollection: (value: object): boolean =>
      value instanceof Map || value instanceof Set || value instanceof WeakMap || value instanceof WeakSet,
  };
}

export type Intrinsics = ReturnType<typeof captureIntrinsics>;

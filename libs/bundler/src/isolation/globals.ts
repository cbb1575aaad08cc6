/** What policy code may do with the names that exist before it runs. Everything that is not named here is not known. */

/** Functions of the engine, and what a request brings. Reading and calling them leaves nothing behind. */
export const POLICY_GLOBALS = new Set(
  'allow exit deny warn mutate requeue get list create update remove fetchSync env readFileSync sleep atob btoa print request exports'.split(
    ' ',
  ),
);

/** Members of built-in objects that neither change nor hand out anything that outlives the call. */
export const SAFE_MEMBERS: Record<string, ReadonlySet<string> | 'all'> = {
  Math: 'all',
  JSON: 'all',
  Number: new Set(
    'EPSILON MAX_SAFE_INTEGER MIN_SAFE_INTEGER MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt'.split(
      ' ',
    ),
  ),
  Object: new Set(
    'assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyNames groupBy hasOwn is isExtensible isFrozen isSealed keys preventExtensions seal values'.split(
      ' ',
    ),
  ),
  Array: new Set(['isArray', 'from', 'of']),
  String: new Set(['raw', 'fromCharCode', 'fromCodePoint']),
  Date: new Set(['now', 'parse', 'UTC']),
  BigInt: new Set(['asIntN', 'asUintN']),
  Symbol: new Set('iterator hasInstance toPrimitive toStringTag species match replace search split'.split(' ')),
  Map: new Set(['groupBy']),
  ArrayBuffer: new Set(['isView']),
  Uint8Array: new Set(['from', 'of']),
  Error: new Set(['captureStackTrace']),
  Intl: new Set(
    'Collator DateTimeFormat DisplayNames ListFormat Locale NumberFormat PluralRules RelativeTimeFormat Segmenter getCanonicalLocales'.split(
      ' ',
    ),
  ),
  console: 'all',
};

/** Built-in functions and classes that may be called, extended, compared with, or passed on (`filter(Boolean)`). */
export const SAFE_VALUES = new Set(
  (
    'Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError Float32Array Float64Array Infinity ' +
    'Int16Array Int32Array Int8Array Map NaN Number Object RangeError ReferenceError RegExp Set String Symbol SyntaxError TypeError ' +
    'URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakSet AggregateError decodeURI decodeURIComponent encodeURI ' +
    'encodeURIComponent escape isFinite isNaN parseFloat parseInt undefined unescape'
  ).split(' '),
);

/** Every other name that exists in a fresh context; nothing is known of what a use of it leaves behind. */
export const OTHER_GLOBALS = new Set(
  (
    'eval Function Promise Proxy Reflect WeakRef FinalizationRegistry globalThis SharedArrayBuffer Atomics WebAssembly Iterator ' +
    'AsyncIterator DisposableStack AsyncDisposableStack SuppressedError Float16Array Temporal Math JSON Intl console escape'
  ).split(' '),
);

export const isBuiltinGlobal = (name: string): boolean => SAFE_VALUES.has(name) || OTHER_GLOBALS.has(name);

/** Properties that lead from a value to what all values share. */
export const SHARED_PROPERTIES = new Set([
  'constructor',
  'prototype',
  '__proto__',
  'caller',
  'callee',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
]);

/** Functions of Object that change their first argument. */
export const WRITES_FIRST_ARGUMENT = new Set([
  'assign',
  'defineProperties',
  'defineProperty',
  'freeze',
  'preventExtensions',
  'seal',
  'setPrototypeOf',
]);

/** Names that other platforms give the global object; where they do not exist, reading them fails. */
export const GLOBAL_OBJECTS = new Set(['globalThis', 'self', 'window', 'global', 'frames']);

import { isPlainValue, OTHER_GLOBALS, SAFE_VALUES } from './globals.ts';

/** What a value may be. Labels only grow: a name has those of all values that it is ever given. */
export type Labels = number;

/** A built-in object, which all requests in a context share: frozen there, so that a write has another effect. */
export const BUILTIN: Labels = 1;
/** What stands at a name that is known only at run time: it may be inherited, `constructor` for one. */
export const ANY: Labels = 2;
/** A regular expression or an iterator: some names cannot be made assignable at their prototypes. */
export const WATCHED: Labels = 4;
/** An imported package or a part of it. */
export const PACKAGE: Labels = 8;

type Constructor = { prototype?: unknown };

const NAMESPACES = new Set(['globalThis', 'Math', 'JSON', 'Intl', 'console', 'Reflect', 'Atomics', 'WebAssembly']);

function constructors(): Constructor[] {
  const names = [...SAFE_VALUES, ...OTHER_GLOBALS].filter((name) => !NAMESPACES.has(name) && !isPlainValue(name));
  const named = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)?.value as unknown);
  return named.filter((value) => typeof value === 'function');
}

function prototypes(): object[] {
  const found = new Set<object>();
  const starts: unknown[] = [
    ...constructors().map(({ prototype }) => prototype),
    (function* () {})(),
    (async function* () {})(),
    [].values().map(String),
    'x'.matchAll(/x/g),
    new Map().keys(),
    new Set().keys(),
  ];
  for (const start of starts) {
    for (let at = start; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) found.add(at);
  }
  return [...found, Function.prototype];
}

/** The text names of properties whose values are objects or functions. */
function sharedNames(owners: readonly object[]): Set<string> {
  const names = owners.flatMap((owner) =>
    Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([name, { value }]) =>
      typeof value === 'function' || (typeof value === 'object' && value !== null) ? [name] : [],
    ),
  );
  return new Set(names);
}

/** Names that any value may inherit a built-in function from: `[].map`, `''.link`. */
export const INHERITED_NAMES: ReadonlySet<string> = sharedNames(prototypes());

/** Names of functions at built-in classes: `Object.keys`, `Array.from`. */
export const STATIC_NAMES: ReadonlySet<string> = sharedNames(constructors() as object[]);

export type Filled<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that are empty. */
export function filled<T extends object>(fields: T): Filled<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as Filled<T>;
}

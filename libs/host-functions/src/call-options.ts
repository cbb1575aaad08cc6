import { HostCallError } from '@jspolicy/sandbox';

type Fields = Record<string, unknown>;

/**
 * Reads the options argument of a call. Texts of errors are the ones that policies see from jsPolicy, where options are
 * decoded into Go types; null is as good as absent.
 */
export class CallOptions {
  readonly #fields: Fields;
  readonly #type: string;

  constructor(value: unknown, type: 'GetOptions' | 'ListOptions' | 'FetchOptions') {
    this.#type = type;
    if (value !== undefined && value !== null && jsonType(value) !== 'object') {
      throw wrongOption(`json: cannot unmarshal ${jsonType(value)} into Go value of type vm.${type}`);
    }
    this.#fields = (value ?? {}) as Fields;
  }

  /** undefined when absent. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  text(name: string): string | undefined {
    return this.#typed(name, 'string', (value) => typeof value === 'string');
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, 'bool', (value) => typeof value === 'boolean');
  }

  wholeNumber(name: string): number | undefined {
    return this.#typed(name, 'int64', (value) => Number.isSafeInteger(value));
  }

  /** An object of texts; null among them is the empty text. */
  texts(name: string): Record<string, string> {
    const isObject = (value: unknown) => jsonType(value) === 'object';
    const texts = this.#typed<object>(name, 'map[string]string', isObject) ?? {};
    const wrong = Object.values(texts).find((value) => value !== null && typeof value !== 'string');
    if (wrong !== undefined) throw this.#wrongField(name, wrong, 'string');
    return Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, value ?? '']));
  }

  #typed<T>(name: string, goType: string, fits: (value: unknown) => boolean): T | undefined {
    const value = this.raw(name);
    if (value === undefined || fits(value)) return value as T | undefined;
    throw this.#wrongField(name, value, goType);
  }

  #wrongField(name: string, value: unknown, goType: string): HostCallError {
    const field = `${this.#type}.${name}`;
    return wrongOption(`json: cannot unmarshal ${jsonType(value)} into Go struct field ${field} of type ${goType}`);
  }
}

const wrongOption = (message: string): HostCallError => new HostCallError('UnmarshalOptions', message);

/** A type of JSON as Go's decoder calls it. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

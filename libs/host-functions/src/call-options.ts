import { HostCallError } from '@jspolicy/sandbox';

type GoType = 'string' | 'bool' | 'int64' | 'map[string]string';

/** Options of the calls, by the names that errors have for them. */
const OPTIONS = {
  GetOptions: { cache: 'bool' },
  ListOptions: {
    labelSelector: 'string',
    namespace: 'string',
    cache: 'bool',
    fieldSelector: 'string',
    limit: 'int64',
  },
  FetchOptions: { method: 'string', headers: 'map[string]string', insecure: 'bool', body: 'string' },
} as const satisfies Record<string, Record<string, GoType>>;

type OptionsType = keyof typeof OPTIONS;

const FITS: Record<GoType, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  int64: (value) => Number.isSafeInteger(value),
  'map[string]string': (value) => jsonType(value) === 'object',
};

/**
 * Reads the options argument of a call as jsPolicy does, which decodes it into Go types: names in any case, of several with
 * the same name the last one; what is null is as good as absent, what is unknown is passed over; of several errors the
 * first one, in its words.
 */
export class CallOptions {
  readonly #values = new Map<string, unknown>();
  readonly #type: OptionsType;

  constructor(value: unknown, type: OptionsType) {
    this.#type = type;
    if (value === undefined || value === null) return;
    if (jsonType(value) !== 'object') {
      throw wrongOption(`json: cannot unmarshal ${jsonType(value)} into Go value of type vm.${type}`);
    }
    for (const [key, each] of Object.entries(value)) this.#set(key, each);
  }

  text(name: string): string | undefined {
    return this.#values.get(name) as string | undefined;
  }

  flag(name: string): boolean | undefined {
    return this.#values.get(name) as boolean | undefined;
  }

  wholeNumber(name: string): number | undefined {
    return this.#values.get(name) as number | undefined;
  }

  /** An object of texts; null among them is the empty text. */
  texts(name: string): Record<string, string> {
    return (this.#values.get(name) ?? {}) as Record<string, string>;
  }

  #set(key: string, value: unknown): void {
    const field = fieldOf(this.#type, key);
    if (!field || value === null) return;
    const [name, goType] = field;
    if (!FITS[goType](value)) throw this.#wrongField(name, value, goType);
    this.#values.set(name, goType === 'map[string]string' ? this.#textsOf(name, value as object) : value);
  }

  #textsOf(name: string, value: object): Record<string, string> {
    const wrong = Object.values(value).find((each) => each !== null && typeof each !== 'string');
    if (wrong !== undefined) throw this.#wrongField(name, wrong, 'string');
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, each ?? '']));
  }

  #wrongField(name: string, value: unknown, goType: string): HostCallError {
    const field = `${this.#type}.${name}`;
    return wrongOption(`json: cannot unmarshal ${jsonType(value)} into Go struct field ${field} of type ${goType}`);
  }
}

function fieldOf(type: OptionsType, key: string): [string, GoType] | undefined {
  const wanted = key.toLowerCase();
  return Object.entries<GoType>(OPTIONS[type]).find(([name]) => name.toLowerCase() === wanted);
}

const wrongOption = (message: string): HostCallError => new HostCallError('UnmarshalOptions', message);

/** A type of JSON as Go's decoder calls it. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

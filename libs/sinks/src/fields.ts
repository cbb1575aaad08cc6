/** Settings of a sink: what each may be, told in the words of whoever wrote it. */

/** How secrets stand in a field: as one reference, or as a map of them. */
type SecretForm = 'one' | 'map';

export interface Field<T> {
  readonly required: boolean;
  readonly secret?: SecretForm;
  readonly default?: T;
  /** What is wrong with a value that is there. */
  problemOf(value: unknown): string | undefined;
}

export type Fields = Record<string, Field<unknown>>;

/** As the sink gets them: defaults are filled in, and secrets are texts. */
export type SettingsOf<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

type Check = (value: unknown) => string | undefined;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be text');
/** Many end up in headers, names and lines of protocols. */
const isLine: Check = (value) =>
  isText(value) ?? (/[\p{Cc}\u2028\u2029]/u.test(String(value)) ? 'must be one line of text' : undefined);

function optional<T>(problemOf: Check, options: { default?: T; secret?: SecretForm } = {}): Field<T> {
  return { required: false, problemOf, ...options };
}

/** The same, but it must be there. */
export const required = <T>(field: Field<T | undefined>): Field<T> => ({ ...field, required: true }) as Field<T>;

/** The same, with what it is when it is left out. */
export const withDefault = <T>(field: Field<T | undefined>, value: T): Field<T> =>
  ({ ...field, default: value }) as Field<T>;

/** One line, without control characters. */
export const text = (): Field<string | undefined> => optional(isLine);

/** Several lines, too. */
export const anyText = (): Field<string | undefined> => optional(isText);

export const flag = (): Field<boolean | undefined> =>
  optional((value) => (typeof value === 'boolean' ? undefined : 'must be true or false'));

export const integer = (min: number, max: number): Field<number | undefined> =>
  optional((value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`,
  );

export const oneOf = <const T extends string>(...words: T[]): Field<T | undefined> =>
  optional((value) => (words.some((word) => word === value) ? undefined : `must be one of ${words.join(', ')}`));

export const url = (...schemes: string[]): Field<string | undefined> =>
  optional((value) => {
    const parsed = typeof value === 'string' ? URL.parse(value) : undefined;
    if (!parsed?.hostname || !schemes.includes(parsed.protocol.slice(0, -1)))
      return `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
    return parsed.username || parsed.password ? 'must not hold credentials' : undefined;
  });

/** host:port, one or several. */
export const addresses = (): Field<string[] | undefined> =>
  optional((value) =>
    Array.isArray(value) && value.length > 0 && value.every((each) => /^[^\s:/]+:\d{1,5}$/.test(String(each)))
      ? undefined
      : 'must be a list of host:port',
  );

export const textMap = (): Field<Record<string, string> | undefined> =>
  optional((value) => {
    if (!isMap(value)) return 'must be a map of text';
    const wrong = Object.entries(value).find(([, each]) => typeof each !== 'string');
    return wrong && `must be a map of text, ${wrong[0]} is none`;
  });

const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What the connection decides by itself: it would be of another request than the one that is sent. */
const OWN_HEADERS =
  /^(host|content-length|transfer-encoding|trailer|te|connection|keep-alive|upgrade|expect|proxy-.*)$/i;

function headerProblem(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return `${JSON.stringify(name)} is no header`;
  return OWN_HEADERS.test(name) ? `${name} cannot be set` : undefined;
}

export const headers = (): Field<Record<string, string> | undefined> =>
  optional((value) => {
    if (!isMap(value)) return 'must be a map of text';
    for (const [name, each] of Object.entries(value)) {
      const problem = headerProblem(name);
      if (problem) return problem;
      if (typeof each !== 'string' || !HEADER_VALUE.test(each)) return `${name} must be one line of ASCII text`;
    }
    return undefined;
  });

const isSecretRef: Check = (value) =>
  isMap(value) &&
  isLine(value['name']) === undefined &&
  isLine(value['key']) === undefined &&
  Object.keys(value).length === 2
    ? undefined
    : 'must name a Secret: {name, key}';

/** A text that stands in a Secret. */
export const secret = (): Field<string | undefined> => optional(isSecretRef, { secret: 'one' });

/** Headers that stand in Secrets. */
export const secretHeaders = (): Field<Record<string, string> | undefined> =>
  optional(
    (value) => {
      if (!isMap(value)) return 'must be a map of references to Secrets';
      for (const [name, each] of Object.entries(value)) {
        const problem = headerProblem(name) ?? isSecretRef(each);
        if (problem) return headerProblem(name) ? problem : `${name} ${problem}`;
      }
      return undefined;
    },
    { secret: 'map' },
  );

/** Everything that is wrong with settings, each with its path. */
export function fieldProblems(fields: Fields, settings: unknown, path: string): string[] {
  if (!isMap(settings)) return [`${path}: must be a map of settings`];
  const unknown = Object.keys(settings).filter((key) => !Object.hasOwn(fields, key));
  const problems = unknown.map((key) => `${path}.${key}: is an unknown field`);
  for (const [key, field] of Object.entries(fields)) {
    const value = settings[key];
    if (value === undefined || value === null) {
      if (field.required) problems.push(`${path}.${key}: is required`);
      continue;
    }
    const problem = field.problemOf(value);
    if (problem) problems.push(`${path}.${key}: ${problem}`);
  }
  return problems;
}

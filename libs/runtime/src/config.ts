import { readFileSync } from 'node:fs';

/** One schema per service, read once from the environment. Every problem is told at once, with the variable's name. */

/** Start-up cannot go on: the caller prints `problems` and ends with exit code 78 (EX_CONFIG of sysexits.h). */
export class ConfigurationError extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(`configuration: ${problems.join('; ')}`);
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

export const EXIT_CONFIGURATION = 78;

type Parsed<T> = { value: T } | { problem: string };

/** One variable: where it is read from, how, and what it is for. */
export interface Setting<T> {
  env: string;
  /** Another name of it, heeded where the first is not set. */
  alias: string | undefined;
  describe: string;
  secret: boolean;
  parse(raw: string | undefined): Parsed<T>;
}

interface Common<T> {
  env: string;
  alias?: string;
  describe: string;
  default?: T;
  secret?: boolean;
}

function setting<T>(common: Common<T>, parse: (raw: string) => Parsed<T>): Setting<T> {
  return {
    env: common.env,
    alias: common.alias,
    describe: common.describe,
    secret: common.secret ?? false,
    parse(raw) {
      if (raw !== undefined && raw !== '') return parse(raw);
      return common.default === undefined ? { problem: 'is required' } : { value: common.default };
    },
  };
}

/** Any text. */
export const text = (common: Common<string>): Setting<string> => setting(common, (value) => ({ value }));

/** Text that may be left out; then it is the empty string. */
export const optionalText = (common: Omit<Common<string>, 'default'>): Setting<string> =>
  text({ ...common, default: '' });

/** Text that `problemOf` finds nothing wrong with. */
export const checkedText = (
  common: Common<string>,
  problemOf: (value: string) => string | undefined,
): Setting<string> =>
  setting(common, (value) => {
    const problem = problemOf(value);
    return problem === undefined ? { value } : { problem };
  });

/** Path of a file that can be read; the empty string where it may be left out and is. */
export const file = (common: Common<string>): Setting<string> =>
  checkedText(common, (path) => {
    try {
      readFileSync(path);
      return undefined;
    } catch (error) {
      return `cannot be read: ${error instanceof Error ? error.message : error}`;
    }
  });

/** A whole number from min to max, both included. */
export function integer(common: Common<number> & { min: number; max: number }): Setting<number> {
  return setting(common, (raw) => {
    const value = Number(raw);
    const wanted = `must be a whole number from ${common.min} to ${common.max}, not ${JSON.stringify(raw)}`;
    return /^-?\d+$/.test(raw) && value >= common.min && value <= common.max ? { value } : { problem: wanted };
  });
}

/** true or false. */
export function flag(common: Common<boolean>): Setting<boolean> {
  return setting(common, (raw) =>
    raw === 'true' || raw === 'false'
      ? { value: raw === 'true' }
      : { problem: `must be true or false, not ${JSON.stringify(raw)}` },
  );
}

/** One of a few words. */
export function oneOf<const T extends string>(common: Common<NoInfer<T>> & { values: readonly T[] }): Setting<T> {
  return setting<T>(common, (raw) => {
    const value = common.values.find((candidate) => candidate === raw);
    return value === undefined
      ? { problem: `must be one of ${common.values.join(', ')}, not ${JSON.stringify(raw)}` }
      : { value };
  });
}

/** Words, separated by commas; empty ones are left out. */
export function list(common: Common<string[]>): Setting<string[]> {
  return setting(common, (raw) => ({
    value: raw
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean),
  }));
}

export type Values<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * Reads all settings. Throws ConfigurationError with every problem; the result is frozen. A check finds what is wrong
 * between settings, in whole sentences; a setting that has a problem of its own is absent there.
 */
export function loadConfig<S extends Record<string, Setting<unknown>>>(
  settings: S,
  env: NodeJS.ProcessEnv,
  ...checks: ((values: Partial<Values<S>>) => string[])[]
): Values<S> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, entry] of Object.entries(settings)) {
    const name = entry.alias && !env[entry.env] && env[entry.alias] ? entry.alias : entry.env;
    const parsed = entry.parse(env[name]);
    if ('value' in parsed) values[key] = parsed.value;
    else problems.push(`${name} ${parsed.problem} (${entry.describe})`);
  }
  for (const check of checks) problems.push(...check(values as Partial<Values<S>>));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(values) as Values<S>;
}

/** The configuration by its variables, as it may be logged: secrets are hidden. */
export function redact<S extends Record<string, Setting<unknown>>>(
  settings: S,
  values: Values<S>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, entry]) => [entry.env, entry.secret && values[key] ? '[hidden]' : values[key]]),
  );
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The variables that every service reads. */
export const commonSettings = {
  logLevel: oneOf({ env: 'LOG_LEVEL', values: LOG_LEVELS, default: 'info', describe: 'how much is logged' }),
  healthPort: integer({
    env: 'HEALTH_PORT',
    min: 0,
    max: 65535,
    default: 0,
    describe: 'port of /healthz, /readyz and /metrics; 0: none',
  }),
};

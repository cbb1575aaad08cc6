import type { HostPort } from './guest-types.ts';
import type { Intrinsics } from './intrinsics.ts';

/**
 * The functions that policy code calls, over the state of the evaluation that runs. Guest code. Arrow functions
 * and methods alone: they have no prototype property that could be written to.
 */
export function policyFunctions(intrinsics: Intrinsics, host: HostPort, evaluation: Evaluation) {
  const { parse, stringify, TypeError, toText, apply, isArray, freeze, defineProperty } = intrinsics;

  /** Of an int64, as jsPolicy reads it; Status has its low 32 bits. */
  const MAX_CODE = 2 ** 63;

  const kindOf = (value: unknown): string =>
    value === null ? 'null' : isArray(value) ? 'a list' : `a ${typeof value}`;

  /** Functions and symbols vanish in JSON, boxed strings are strings there. */
  const textOrNothing = (value: unknown, what: string): void => {
    if (value === undefined || value === null || typeof value === 'string') return;
    if (typeof value === 'function' || typeof value === 'symbol') return;
    let json: string | undefined = '0';
    if (typeof value === 'object') {
      json = stringify(value);
      if (json === undefined || json[0] === '"' || json === 'null') return;
    }
    evaluation.fail(new TypeError(`${what} must be a string, not ${kindOf(value)}`));
  };

  const wholeNumberOrNothing = (value: unknown, what: string): void => {
    if (value === undefined || value === null || typeof value === 'function' || typeof value === 'symbol') return;
    // Boxed numbers are numbers in JSON.
    const number: unknown = typeof value === 'object' ? parse(toText(stringify(value) ?? null)) : value;
    if (number === null) return;
    if (typeof number !== 'number') {
      evaluation.fail(new TypeError(`${what} must be a number, not ${kindOf(value)}`));
    } else if (number - number === 0 && (number % 1 !== 0 || number >= MAX_CODE || number < -MAX_CODE)) {
      evaluation.fail(new TypeError(`${what} must be a whole number of 64 bits, not ${toText(number)}`));
    }
  };

  const objectOrNothing = (value: unknown, what: string): void => {
    if (value === undefined || value === null || typeof value === 'function' || typeof value === 'symbol') return;
    if (typeof value !== 'object' || isArray(value)) {
      evaluation.fail(new TypeError(`${what} must be an object, not ${kindOf(value)}`));
    }
  };

  /** The answer, or the error that the policy is to see. */
  const askHost = (name: string, json: string): { value?: unknown; error?: ApiError } => {
    evaluation.mustBeOpen();
    let reply: string;
    try {
      reply = host.call(name, json);
    } catch {
      // Only the end of the stack or of the isolate comes here; the host's own error must not be seen.
      throw new intrinsics.Error(`${name} could not be called: too deep a recursion`);
    }
    if (reply === 's') evaluation.stop();
    const rest = reply.length > 1 ? parse(apply(slice, reply, [1])) : undefined;
    return reply[0] === 'e' ? { error: rest as ApiError } : { value: rest };
  };
  const valueOf = ({ value, error }: { value?: unknown; error?: ApiError }): unknown => {
    if (error !== undefined) throw apiError(error);
    return value;
  };
  /** What is nothing in JSON, a function say, is told from null: it is no argument at all, or its name stands for it. */
  const jsonOf = (value: unknown): string | undefined => stringify(value) as string | undefined;
  const isText = (value: unknown): value is string => typeof value === 'string';
  const notJson = (reason: string): ApiError => ({
    reason,
    message: "invalid character 'u' looking for beginning of value",
  });

  /** Names and options. Only primitive strings are names; a wrong name is told before anything of the options is read. */
  const readCluster = (name: 'get' | 'list', names: unknown[], options: unknown): unknown => {
    evaluation.mustBeOpen();
    const json: unknown[] = [];
    for (let index = 0; index < names.length; index++) {
      const given = names[index];
      defineProperty(json, index, { value: isText(given) ? given : null, enumerable: true });
    }
    const known = apply(slice, stringify(json), [0, -1]) as string;
    let wrong = false;
    for (let index = 0; index < names.length; index++) if (!isText(names[index])) wrong = true;
    if (wrong || options === undefined) return valueOf(askHost(name, `${known}]`));
    const text = jsonOf(options);
    if (text === undefined) throw apiError(notJson('UnmarshalOptions'));
    return valueOf(askHost(name, `${known},${text}]`));
  };
  const isSmart = (options: unknown): boolean =>
    options !== undefined && options !== null && (options as { cache?: unknown }).cache === 'smart';

  /** With one argument of its type, and nothing else, the host is asked; everything else is undefined. */
  const askWith = (name: string, args: unknown[], type: 'string' | 'number'): unknown => {
    evaluation.mustBeOpen();
    if (args.length !== 1 || typeof args[0] !== type) return undefined;
    return valueOf(askHost(name, `[${stringify(args[0])}]`));
  };
  /** One object. What is nothing in JSON, a function too, is told from null. */
  const write = (name: string, object: unknown): unknown => {
    evaluation.mustBeOpen();
    const json = jsonOf(object);
    return valueOf(askHost(name, json === undefined ? '[]' : `[${json}]`));
  };
  /** Its errors are texts. */
  const fetchSync = (url: unknown, options: unknown): unknown => {
    evaluation.mustBeOpen();
    if (!isText(url)) throw 'fetchSync: url is not a string';
    const given = options === undefined ? 'null' : jsonOf(options);
    if (given === undefined) throw `fetchSync: error unmarshalling options: ${notJson('').message}`;
    const { value, error } = askHost('fetchSync', `[${stringify(url)},${given}]`);
    if (error !== undefined) throw `fetchSync: ${error.message}`;
    const { body, headers, status, statusText, ok } = value as FetchResult;
    return { text: () => body, json: () => parse(body as string), headers, status, statusText, ok };
  };
  const slice = ''.slice;
  const join = [].join;

  interface ApiError {
    reason: string;
    message: string;
  }
  interface FetchResult {
    body?: string;
    headers: unknown;
    status: number;
    statusText: string;
    ok: boolean;
  }
  const apiError = ({ reason, message }: ApiError) => ({
    reason,
    message,
    toString() {
      return `${reason}: ${message}`;
    },
  });

  const printed = (value: unknown): string => (typeof value === 'string' ? value : toText(stringify(value)));

  const base64 = (name: 'atob' | 'btoa', args: unknown[]): string | undefined => {
    evaluation.mustBeOpen();
    return args.length === 1 && typeof args[0] === 'string' ? host.convert(name, args[0]) : undefined;
  };

  const functions = {
    allow: (): void => evaluation.end(),
    exit: (): void => evaluation.end(),
    deny: (message?: unknown, reason?: unknown, code?: unknown): void => {
      evaluation.mustBeOpen();
      textOrNothing(message, 'deny(message, reason, code): message');
      textOrNothing(reason, 'deny(message, reason, code): reason');
      wholeNumberOrNothing(code, 'deny(message, reason, code): code');
      const response = evaluation.response();
      response['deny'] = true;
      response['message'] = message;
      response['reason'] = reason;
      response['code'] = code;
      evaluation.end();
    },
    warn: (message?: unknown): void => {
      evaluation.mustBeOpen();
      textOrNothing(message, 'warn(message): message');
      const response = evaluation.response();
      if (!isArray(response['warnings'])) response['warnings'] = [];
      const warnings = response['warnings'] as unknown[];
      // Not push(): a policy's own Array.prototype must not swallow a warning.
      defineProperty(warnings, warnings.length, {
        value: message,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
    mutate: (object?: unknown): void => {
      evaluation.mustBeOpen();
      objectOrNothing(object, 'mutate(object): object');
      evaluation.response()['patched'] = object;
      evaluation.end();
    },
    requeue: (message?: unknown): void => {
      evaluation.mustBeOpen();
      textOrNothing(message, 'requeue(message): message');
      const response = evaluation.response();
      response['reschedule'] = true;
      response['message'] = message;
      evaluation.end();
    },
    print: (...values: unknown[]): void => {
      evaluation.mustBeOpen();
      for (let index = 0; index < values.length; index++) values[index] = printed(values[index]);
      host.print(apply(join, values, [' ']));
    },
    atob: (...args: unknown[]) => base64('atob', args),
    btoa: (...args: unknown[]) => base64('btoa', args),
    get: (kind?: unknown, apiVersion?: unknown, name?: unknown, options?: unknown) =>
      readCluster('get', [kind, apiVersion, name], isSmart(options) ? { cache: 'smart' } : options),
    list: (kind?: unknown, apiVersion?: unknown, options?: unknown) => readCluster('list', [kind, apiVersion], options),
    env: (...args: unknown[]) => askWith('env', args, 'string'),
    sleep: (...args: unknown[]) => askWith('sleep', args, 'number'),
    create: (object?: unknown) => write('create', object),
    update: (object?: unknown) => write('update', object),
    remove: (object?: unknown) => write('remove', object),
    fetchSync: (url?: unknown, options?: unknown) => fetchSync(url, options),
    readFileSync: (...args: unknown[]) => askWith('readFileSync', args, 'string'),
  };
  return freeze(functions);
}

/** The state that the policy functions work on; see evaluation.ts. */
export interface Evaluation {
  /** Throws when the policy has ended, or the evaluation is over. */
  mustBeOpen(): void;
  /** The global __response, made anew when the policy left something else there. */
  response(): Record<string, unknown>;
  /** The policy ends here: what stands in the response is its verdict. Throws. */
  end(): never;
  /** The policy failed here, whatever it catches. Throws. */
  fail(error: unknown): never;
  /** The policy's time is over here. Throws. */
  stop(): never;
}

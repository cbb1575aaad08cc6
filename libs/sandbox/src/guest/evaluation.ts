import type { AdmissionRequestReader } from './admission-request.ts';
import type { HostPort } from './guest-types.ts';
import type { Intrinsics } from './intrinsics.ts';

/**
 * One evaluation after the other in one context: its globals, its end, its outcome. Guest code.
 * The first end decides; what a policy does after it (it may catch the signal) changes nothing.
 */
export function evaluationState(
  intrinsics: Intrinsics,
  host: HostPort,
  read: AdmissionRequestReader,
  globals: Globals,
) {
  const { parse, stringify, freeze, toText, isArray, create, hasOwn, defineProperty } = intrinsics;
  const UNREADABLE = 'Uncaught exception whose text cannot be read';
  const MAX_TEXT = 65_536;
  const ended = freeze({ toString: () => 'the policy has ended' });
  const slice = ''.slice;

  let open = false;
  let outcome: string | undefined;
  let info = '';

  const settle = (text: string): void => {
    outcome = text;
    try {
      host.end(text);
    } catch {
      // No stack left for the host: finish() gives the outcome.
    }
  };

  /** What is far beyond what an answer can hold is cut here already: as JSON it could take all memory. */
  const bounded = (value: unknown, max: number): unknown =>
    typeof value === 'string' && value.length > max ? intrinsics.apply(slice, value, [0, max]) : value;

  /** Fields are copied so that toJSON of a changed prototype is not asked about them. */
  const snapshot = (): string | undefined => {
    const response = globals.__response as Record<string, unknown> | null | undefined;
    if (response === null || typeof response !== 'object' || isArray(response)) return stringify(response);
    const copy = create(null) as Record<string, unknown>;
    // Its own fields alone, as in JSON.
    const own = (key: string): unknown => (hasOwn(response, key) ? response[key] : undefined);
    copy['deny'] = own('deny');
    copy['message'] = bounded(own('message'), 2 * MAX_TEXT);
    copy['reason'] = bounded(own('reason'), 2 * MAX_TEXT);
    copy['code'] = own('code');
    copy['requeue'] = own('reschedule');
    copy['patched'] = own('patched');
    copy['warnings'] = plainList(own('warnings'));
    return stringify(copy);
  };

  const plainList = (list: unknown): unknown => {
    if (!isArray(list)) return list;
    const copy: unknown[] = [];
    defineProperty(copy, 'toJSON', { value: undefined });
    const { length } = list as unknown[];
    let left = 2 * MAX_TEXT;
    for (let index = 0; index < length; index++) {
      const value = bounded((list as unknown[])[index], left);
      if (typeof value === 'string') left -= value.length;
      defineProperty(copy, index, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return copy;
  };

  /** Whatever has a property `stack` is shown by it, as jsPolicy does; undefined for what has none that says something. */
  const stackOf = (value: unknown): string | undefined => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
    try {
      if (!('stack' in (value as object))) return undefined;
      const { stack } = value as Error;
      return typeof stack === 'symbol' || stack === '' ? undefined : toText(stack);
    } catch {
      return undefined;
    }
  };

  const uncaughtText = (error: unknown): string => {
    try {
      if (typeof error === 'symbol') return '';
      const stack = stackOf(error);
      const text = stack === undefined ? toText(error) : `Uncaught ${stack}`;
      return text.length > MAX_TEXT ? `${intrinsics.apply(slice, text, [0, MAX_TEXT])}...` : text;
    } catch {
      return UNREADABLE;
    }
  };

  const failed = (error: unknown): string => `{"info":${info},"uncaught":${stringify(uncaughtText(error))}}`;

  /** To read what was thrown may run code of the policy, which may end it. */
  const settleFailed = (error: unknown): void => {
    const text = failed(error);
    if (outcome === undefined) settle(text);
  };

  const end = (): never => {
    if (outcome === undefined) {
      if (!open) throw new intrinsics.Error('evaluation closed');
      let text: string;
      try {
        const response = snapshot();
        if (response === undefined) throw new intrinsics.TypeError('__response must be an object');
        text = `{"info":${info},"response":${response}}`;
      } catch (error) {
        text = failed(error);
      }
      settle(text);
    }
    throw ended;
  };

  const fail = (error: unknown): never => {
    if (outcome === undefined && open) settleFailed(error);
    throw ended;
  };

  const stop = (): never => {
    if (outcome === undefined && open) settle(`{"info":${info},"stopped":true}`);
    throw ended;
  };

  return {
    mustBeOpen(): void {
      if (outcome !== undefined) throw ended;
      if (!open) throw new intrinsics.Error('evaluation closed');
    },
    response(): Record<string, unknown> {
      const response = globals.__response;
      if (typeof response === 'object' && response !== null) return response as Record<string, unknown>;
      const anew: Record<string, unknown> = {};
      globals.__response = anew;
      return anew;
    },
    end,
    fail,
    stop,
    begin(review: string, policy: string): boolean {
      outcome = undefined;
      const asked = read(review);
      if ('malformed' in asked) {
        outcome = stringify(asked);
        return false;
      }
      info = stringify(asked.info);
      globals.request = asked.request;
      globals.__policy = policy;
      globals.exports = {};
      globals.__response = { deny: false, message: '', reason: '', code: 0, warnings: [] };
      open = true;
      return true;
    },
    /** Never throws. */
    evaluate(policy: () => unknown): void {
      if (outcome !== undefined) return;
      try {
        intrinsics.apply(policy, globalThis, []);
      } catch (error) {
        if (outcome === undefined) settleFailed(error);
      }
    },
    /** For code whose error is caught by its own wrapper. */
    uncaught(error: unknown): void {
      if (outcome === undefined && open) settleFailed(error);
    },
    finish(): string {
      try {
        if (outcome === undefined) end();
      } catch {
        // The signal; the outcome stands.
      }
      open = false;
      return outcome ?? stringify({ info: parse(info), uncaught: UNREADABLE });
    },
  };
}

/** The global object, as far as an evaluation writes to it. */
export interface Globals {
  request: unknown;
  __policy: unknown;
  exports: unknown;
  __response: unknown;
}

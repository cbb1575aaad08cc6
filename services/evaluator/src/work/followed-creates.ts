import type { WorkMessage } from '@jspolicy/contracts';
import { HostCallError, type HostFunctions } from '@jspolicy/sandbox';

const HOUR_MS = 3_600_000;
/** It is told again and again while it lasts, so that it is over soon after the last time. */
const TELL_EVERY_MS = 15_000;

interface FollowedCreatesOptions {
  /** 0: no bound. */
  perHour: number;
  /** A policy was refused an object. At most once in 15 s. */
  onRefused(policy: string): void;
}

interface Counted {
  /** group/kind of what it was evaluated for: what it follows, as far as that can make it go on without end. */
  kinds: Set<string>;
  left: number;
  atMs: number;
  toldMs: number;
}

/**
 * Bounds what a Controller policy creates of the kinds that it follows: each such object has the policy evaluated again, so
 * one that creates whenever it is evaluated would never end. An hour's worth may be created at once.
 */
export class FollowedCreates {
  readonly #options: FollowedCreatesOptions;
  readonly #byPolicy = new Map<string, Counted>();

  constructor(options: FollowedCreatesOptions) {
    this.#options = options;
  }

  /** The host functions of one evaluation for an object. */
  bounded(host: HostFunctions, policy: string, { group, kind }: Pick<WorkMessage['object'], 'group' | 'kind'>) {
    if (this.#options.perHour === 0) return host;
    const counted = this.#of(policy);
    counted.kinds.add(`${group}/${kind}`);
    return {
      print: (line: string) => host.print(line),
      call: async (call, signal) => {
        if (call.name !== 'create' || !counted.kinds.has(kindOf(call.args[0]))) return host.call(call, signal);
        this.#refill(counted);
        if (counted.left < 1) throw this.#refused(policy, counted);
        // Counted first: others may be under way.
        counted.left -= 1;
        const answer = await host.call(call, signal).catch((error: unknown) => {
          // What was cut off may have been created all the same.
          if (!signal.aborted) counted.left += 1;
          throw error;
        });
        if (isRefusal(answer)) counted.left += 1;
        return answer;
      },
    } satisfies HostFunctions;
  }

  #of(policy: string): Counted {
    const known = this.#byPolicy.get(policy);
    if (known) return known;
    const { perHour: left } = this.#options;
    const counted = { kinds: new Set<string>(), left, atMs: performance.now(), toldMs: -TELL_EVERY_MS };
    this.#byPolicy.set(policy, counted);
    return counted;
  }

  #refill(counted: Counted): void {
    const { perHour } = this.#options;
    const now = performance.now();
    counted.left = Math.min(perHour, counted.left + ((now - counted.atMs) * perHour) / HOUR_MS);
    counted.atMs = now;
  }

  #refused(policy: string, counted: Counted): HostCallError {
    const now = performance.now();
    if (now - counted.toldMs >= TELL_EVERY_MS) {
      counted.toldMs = now;
      this.#options.onRefused(policy);
    }
    const { perHour } = this.#options;
    const text = `this policy has created ${perHour} objects of kinds that it follows, as many as FOLLOWED_CREATES_PER_HOUR allows`;
    return new HostCallError('TooManyCreates', text);
  }
}

/** What the cluster does not take is a result of create(), no error. */
const isRefusal = (answer: unknown): boolean => (Object(answer) as { ok?: unknown }).ok === false;

/** group/kind; what is no object has none. */
function kindOf(object: unknown): string {
  const { apiVersion, kind } = Object(object) as { apiVersion?: unknown; kind?: unknown };
  const version = String(apiVersion);
  return `${version.includes('/') ? version.slice(0, version.indexOf('/')) : ''}/${String(kind)}`;
}

import { createHash } from 'node:crypto';
import { API_VERSION, type Condition, type JsPolicy, type JsPolicyStatus, type KubeObject } from '@jspolicy/contracts';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { cutUtf8 } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import { EVENTS } from './resource-types.ts';
import type { Writes } from './writes.ts';

/** Events of objects without namespace are kept there: `kubectl describe` looks for them everywhere. */
const NAMESPACE = 'default';
/** The API server takes no more. */
const MAX_MESSAGE_BYTES = 1024;
/** One policy's events are written at most so often; what comes in between is counted. */
const AT_MOST_EVERY_MS = 10_000;
/** Different news of one policy that wait at once; the oldest give way. */
const MOST_WAITING = 5;

interface News {
  type: 'Warning' | 'Normal';
  reason: string;
  message: string;
}

interface Told {
  writtenAtMs: number;
  /** Waits for its turn, by the name of its event. */
  waiting: Map<string, { policy: JsPolicy; news: News; count: number }>;
  timer: NodeJS.Timeout | undefined;
}

export interface PolicyEventsParts {
  cluster: Pick<Cluster, 'get'>;
  writes: Pick<Writes, 'create' | 'update'>;
  log: Logger;
}

/** Where nobody looks for events. */
export const NO_EVENTS: Pick<PolicyEvents, 'tell' | 'forget' | 'stop'> = {
  tell: () => undefined,
  forget: () => undefined,
  stop: () => undefined,
};

/**
 * Tells of each change of a policy's status as a core Event on the policy. The same news again adds to the count of the
 * event that is there. Events are for people: what cannot be written is logged and given up.
 */
export class PolicyEvents {
  readonly #parts: PolicyEventsParts;
  readonly #told = new Map<string, Told>();
  #stopped = false;

  constructor(parts: PolicyEventsParts) {
    this.#parts = parts;
  }

  /** `policy` has the status of before. */
  tell(policy: JsPolicy, status: JsPolicyStatus): void {
    const { name } = policy.metadata;
    for (const news of newsOf(policy.status, status)) {
      const told = this.#told.get(name) ?? { writtenAtMs: -AT_MOST_EVERY_MS, waiting: new Map(), timer: undefined };
      this.#told.set(name, told);
      wait(told, policy, news);
      const waitMs = told.writtenAtMs + AT_MOST_EVERY_MS - performance.now();
      if (!this.#stopped) told.timer ??= setTimeout(() => void this.#write(told), Math.max(0, waitMs)).unref();
    }
  }

  forget(policy: string): void {
    clearTimeout(this.#told.get(policy)?.timer);
    this.#told.delete(policy);
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#told.values()) clearTimeout(timer);
  }

  async #write(told: Told): Promise<void> {
    told.timer = undefined;
    told.writtenAtMs = performance.now();
    const waiting = [...told.waiting];
    told.waiting.clear();
    for (const [name, { policy, news, count }] of waiting) {
      await this.#writeOne(name, policy, news, count).catch((err: unknown) =>
        this.#parts.log.warn({ err, policy: policy.metadata.name, reason: news.reason }, 'event was not written'),
      );
    }
  }

  async #writeOne(name: string, policy: JsPolicy, news: News, count: number): Promise<void> {
    const { cluster, writes } = this.#parts;
    const event = eventOf(name, policy, news, count);
    try {
      await writes.create(EVENTS, event);
    } catch (error) {
      if (!(error instanceof KubeError && error.reason === 'AlreadyExists')) throw error;
      const known = await cluster.get(EVENTS, name, NAMESPACE);
      if (!known) throw error;
      const { lastTimestamp } = event;
      await writes.update(EVENTS, { ...known, count: Number(known['count'] ?? 0) + count, lastTimestamp });
    }
  }
}

function wait({ waiting }: Told, policy: JsPolicy, news: News): void {
  const name = eventName(policy, news);
  const { count } = waiting.get(name) ?? { count: 0 };
  waiting.delete(name);
  waiting.set(name, { policy, news, count: count + 1 });
  const [oldest] = waiting.keys();
  if (waiting.size > MOST_WAITING && oldest !== undefined) waiting.delete(oldest);
}

/** What is worth an event: what holds no more, and that everything holds again. */
function newsOf(before: JsPolicyStatus | undefined, after: JsPolicyStatus): News[] {
  const [was, is] = [problemsOf(before), problemsOf(after)];
  const isNew = ({ type, message }: Condition) =>
    !was.some((known) => known.type === type && known.message === message);
  const warnings = is.filter(isNew).map(({ reason, message }): News => {
    return { type: 'Warning', reason: reason ?? 'Failed', message: message ?? '' };
  });
  if (was.length === 0 || is.length > 0) return warnings;
  return [{ type: 'Normal', reason: 'InForce', message: 'the policy is in force again as it is written' }];
}

/** Ready only repeats what another condition says. */
const problemsOf = (status: JsPolicyStatus | undefined): Condition[] =>
  (status?.conditions ?? []).filter(({ type, status: holds }) => type !== 'Ready' && holds === 'False');

/** The same for the same news of the same policy. */
function eventName({ metadata }: JsPolicy, { reason, message }: News): string {
  const text = JSON.stringify([metadata.uid, reason, message]);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${metadata.name.slice(0, 253 - digest.length - 1)}.${digest}`;
}

function eventOf(name: string, { metadata }: JsPolicy, { type, reason, message }: News, count: number): KubeObject {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: NAMESPACE },
    involvedObject: { apiVersion: API_VERSION, kind: 'JsPolicy', name: metadata.name, uid: metadata.uid },
    type,
    reason,
    message: cutUtf8(message, MAX_MESSAGE_BYTES),
    count,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: 'jspolicy' },
    reportingComponent: 'jspolicy',
    reportingInstance: '',
  };
}

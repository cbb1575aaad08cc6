import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, KubeError, type ResourceType } from '@jspolicy/kube';
import { waitFor } from '@jspolicy/testing';

export const MAPS: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  namespaced: true,
};
/** So many at once, each again after a pause: about 40 a second, which two busy cores can do beside everything else. */
export const AT_ONCE = 4;
const PAUSE_MS = 80;
/**
 * On a machine that is starved ten seconds, the default, may pass before a process gets its turn. Less than the 30 s of silence
 * after which our client gives up: else a refusal that comes at the last moment would be taken for no answer.
 */
export const TIMEOUT_SECONDS = 25;
const MARK = 'marked-by-policy';
/** In the API server's words: failurePolicy decided. */
const NOT_JUDGED = 'failed calling webhook';
/** Then it tells its own request, which got no answer; otherwise what the gateway answered in place of a verdict. */
const NOBODY_ANSWERED = 'failed to call webhook: Post "';
const DENIAL = /^admission webhook "denies\.loop\.example" denied the request: (no \d+)$/;

type Seen = { verdict: string } | { refused: string } | { lost: string };

export const noRequests = (): LoopResult => ({
  sent: 0,
  denied: [],
  passed: [],
  undecided: [],
  wrong: [],
  refused: [],
  lost: [],
  slowestMs: 0,
});

export interface Refusal {
  /** When the request was sent, and when it was refused; ms since 1970. */
  beganMs: number;
  atMs: number;
  /** By a gateway, with an error: it was there, and did not judge. */
  answered: boolean;
  text: string;
}

/** What was denied, in the policy's words, and when its client was told; ms since 1970. */
export interface Denial {
  name: string;
  atMs: number;
}

export interface LoopResult {
  sent: number;
  denied: Denial[];
  /** Names of what was let through, rightly. */
  passed: string[];
  /** Names of what got no verdict, or a wrong one. */
  undecided: string[];
  /** Another verdict than the right one. */
  wrong: string[];
  /** The API server refused because its webhook gave no verdict: failurePolicy Fail. Nobody is let through unjudged by it. */
  refused: Refusal[];
  /** No answer of the API server, or one that is none of these. */
  lost: string[];
  /** The longest that a request took, ms. */
  slowestMs: number;
}

export const DENYING = 'denies.loop.example';

/** What the policies of the loop do, which every verdict is compared with. */
export const LOOP_POLICIES = [
  loopPolicy(DENYING, {
    javascript: 'if (request.object.data?.verdict === "deny") deny("no " + request.object.data.number)',
  }),
  loopPolicy('marks.loop.example', {
    type: 'Mutating',
    javascript: `request.object.data = { ...request.object.data, mark: "${MARK}" }; mutate(request.object)`,
  }),
];

/** A policy for ConfigMaps of the loop's namespace. */
export function loopPolicy(name: string, spec: object) {
  return {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name },
    spec: {
      operations: ['CREATE'],
      resources: ['configmaps'],
      scope: 'Namespaced',
      namespaceSelector: { matchLabels: { loop: 'yes' } },
      timeoutSeconds: TIMEOUT_SECONDS,
      ...spec,
    },
  };
}

/** Sends requests, every second of which is to be denied, until it is ended; knows the right verdict of each. */
export class RequestLoop {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #result = noRequests();
  readonly #senders: Promise<void>[];
  #ended = false;

  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#senders = Array.from({ length: AT_ONCE }, () => this.#send());
  }

  get sent(): number {
    return this.#result.sent;
  }

  /** Waits for what is in flight. */
  async end(): Promise<LoopResult> {
    this.#ended = true;
    await Promise.all(this.#senders);
    return this.#result;
  }

  async #send(): Promise<void> {
    while (!this.#ended) {
      await this.#one(this.#result.sent++);
      await delay(PAUSE_MS);
    }
  }

  async #one(number: number): Promise<void> {
    const name = `loop-${number}-${Math.random().toString(36).slice(2)}`;
    const expected = number % 2 === 0 ? `no ${number}` : MARK;
    const beganMs = Date.now();
    const seen = await this.#ask(name, number, expected !== MARK);
    this.#result.slowestMs = Math.max(this.#result.slowestMs, Date.now() - beganMs);
    this.#count({ name, expected, seen, beganMs });
  }

  #count({ name, expected, seen, beganMs }: { name: string; expected: string; seen: Seen; beganMs: number }): void {
    const { denied, passed, undecided, wrong, refused, lost } = this.#result;
    const atMs = Date.now();
    const right = 'verdict' in seen && seen.verdict === expected;
    if (right) return void (expected === MARK ? passed.push(name) : denied.push({ name, atMs }));
    undecided.push(name);
    const when = `${new Date(atMs).toISOString()} after ${atMs - beganMs} ms`;
    if ('refused' in seen) {
      const answered = !seen.refused.includes(NOBODY_ANSWERED);
      refused.push({ beganMs, atMs, answered, text: `${when}: ${seen.refused}` });
    } else if ('lost' in seen) lost.push(`${when}: ${seen.lost}`);
    else wrong.push(`${when}: ${expected} expected, ${seen.verdict} seen`);
  }

  /** What is to be denied is no dry run: its violation counts. What is allowed is one: nothing is left behind. */
  async #ask(name: string, number: number, toBeDenied: boolean): Promise<Seen> {
    const data = { verdict: toBeDenied ? 'deny' : 'allow', number: String(number) };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: this.#namespace }, data };
    try {
      const made = await this.#cluster.create(MAPS, object, { dryRun: !toBeDenied });
      return { verdict: (made['data'] as { mark?: string }).mark ?? 'allowed, not marked' };
    } catch (error) {
      return seenIn(error);
    }
  }
}

/** Sends at least so many requests. Throws when that takes longer than timeoutMs; nothing is in flight afterwards. */
export async function sendSome(cluster: Cluster, namespace: string, atLeast: number, timeoutMs = 60_000) {
  const loop = new RequestLoop(cluster, namespace);
  try {
    await waitFor(() => loop.sent >= atLeast, { what: `${atLeast} requests`, timeoutMs });
  } finally {
    await loop.end();
  }
  return loop.end();
}

/** A line for each request that was not judged rightly, whatever the reason. */
export const notRight = ({ wrong, lost, refused }: LoopResult): string[] => [
  ...wrong,
  ...lost,
  ...refused.map(({ text }) => text),
];

function seenIn(error: unknown): Seen {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof KubeError)) return { lost: text };
  const denial = DENIAL.exec(text)?.[1];
  if (denial !== undefined) return { verdict: denial };
  return text.includes(NOT_JUDGED) ? { refused: text } : { lost: text };
}

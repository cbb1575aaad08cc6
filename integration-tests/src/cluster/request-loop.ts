import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, KubeError, type ResourceType } from '@jspolicy/kube';

const MAPS: ResourceType = { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true };
/** So many at once, each again after a pause: about 40 a second, which two busy cores can do beside everything else. */
const AT_ONCE = 4;
const PAUSE_MS = 80;
const MARK = 'marked-by-policy';

export interface LoopResult {
  sent: number;
  denied: number;
  wrong: string[];
  lost: string[];
  /** The longest that a request took, ms. */
  slowestMs: number;
}

/** What the policies of the loop do, which every verdict is compared with. */
export const LOOP_POLICIES = [
  policy('denies.loop.example', {
    javascript: 'if (request.object.data?.verdict === "deny") deny("no " + request.object.data.number)',
  }),
  policy('marks.loop.example', {
    type: 'Mutating',
    javascript: `request.object.data = { ...request.object.data, mark: "${MARK}" }; mutate(request.object)`,
  }),
];

function policy(name: string, spec: object) {
  return {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name },
    spec: {
      operations: ['CREATE'],
      resources: ['configmaps'],
      scope: 'Namespaced',
      namespaceSelector: { matchLabels: { loop: 'yes' } },
      ...spec,
    },
  };
}

/** Sends requests, every second of which is to be denied, until it is ended; knows the right verdict of each. */
export class RequestLoop {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #result: LoopResult = { sent: 0, denied: 0, wrong: [], lost: [], slowestMs: 0 };
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

  /** Denials that were told so far. */
  get denied(): number {
    return this.#result.denied;
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
    const toBeDenied = number % 2 === 0;
    const began = performance.now();
    const seen = await this.#ask(number, toBeDenied);
    const tookMs = performance.now() - began;
    this.#result.slowestMs = Math.max(this.#result.slowestMs, Math.round(tookMs));
    const when = `${new Date().toISOString()} after ${Math.round(tookMs)} ms`;
    if ('lost' in seen) this.#result.lost.push(`${when}: ${seen.lost}`);
    else if (seen.verdict !== (toBeDenied ? `no ${number}` : MARK))
      this.#result.wrong.push(`${when}: ${toBeDenied ? `no ${number}` : MARK} expected, ${seen.verdict} seen`);
    else if (toBeDenied) this.#result.denied += 1;
  }

  /** What is to be denied is no dry run: its violation counts. What is allowed is one: nothing is left behind. */
  async #ask(number: number, toBeDenied: boolean): Promise<{ verdict: string } | { lost: string }> {
    const data = { verdict: toBeDenied ? 'deny' : 'allow', number: String(number) };
    const metadata = { name: `loop-${number}-${Math.random().toString(36).slice(2)}`, namespace: this.#namespace };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    try {
      const made = await this.#cluster.create(MAPS, object, { dryRun: !toBeDenied });
      return { verdict: (made['data'] as { mark?: string }).mark ?? 'allowed, not marked' };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const denial = /^admission webhook "denies\.loop\.example" denied the request: (no \d+)$/.exec(text)?.[1];
      return denial !== undefined && error instanceof KubeError ? { verdict: denial } : { lost: text };
    }
  }
}

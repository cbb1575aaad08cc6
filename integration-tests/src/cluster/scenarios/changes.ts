import { setTimeout as delay } from 'node:timers/promises';
import type { JsPolicy } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { LOOP_NAMESPACE, POLICIES, policyInForce } from '../engine.ts';
import { loopPolicy, MAPS } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

const NAME = 'changes.loop.example';
const TIMES = 20;
const SENDERS = 3;
/** The last version is asked for so long. */
const LAST_MS = 1_000;
const VERSION = /denied the request: version (\d+)$/;

/** A policy is changed again and again while requests ask it: each is judged by the version before or the new one. */
export async function changePolicy({ cluster }: ScenarioContext): Promise<string> {
  const versions = new Versions(cluster);
  await cluster.create(POLICIES, policyOf(0));
  try {
    await policyInForce(NAME);
    await versions.changeUnderRequests();
  } finally {
    await cluster.remove(POLICIES, NAME);
  }
  if (versions.problems.length > 0)
    throw new Error(`${versions.problems.length} wrong: ${versions.problems.slice(0, 5).join('; ')}`);
  return `${TIMES} changes; of ${versions.sent} requests each was judged by a version that could be in force`;
}

const policyOf = (version: number) =>
  loopPolicy(NAME, { javascript: `if (request.object.data?.asks === "version") deny("version ${version}")` });

class Versions {
  readonly problems: string[] = [];
  sent = 0;
  #ended = false;
  readonly #cluster: ScenarioContext['cluster'];
  /** The newest that may be in force. */
  #written = 0;
  /** The oldest that may be: its status said so. */
  #ready = 0;

  constructor(cluster: ScenarioContext['cluster']) {
    this.#cluster = cluster;
  }

  /** No request is under way afterwards, however it ends. */
  async changeUnderRequests(): Promise<void> {
    const senders = Array.from({ length: SENDERS }, () => this.#send());
    try {
      for (let version = 1; version <= TIMES; version++) await this.#change(version);
      await delay(LAST_MS);
    } finally {
      this.#ended = true;
      await Promise.all(senders);
    }
  }

  async #change(version: number): Promise<void> {
    const before = await this.#policy();
    this.#written = version;
    const { spec } = policyOf(version);
    const { metadata } = await this.#cluster.update(POLICIES, { ...before, spec: { ...before.spec, ...spec } });
    const generation = metadata['generation'];
    const taken = async () => {
      const { status } = await this.#policy();
      return status?.phase === 'Synced' && status.observedGeneration === generation;
    };
    await waitFor(taken, { what: `version ${version} to be ready`, timeoutMs: 60_000, pollMs: 50 });
    this.#ready = version;
  }

  async #send(): Promise<void> {
    while (!this.#ended) {
      const oldest = this.#ready;
      const seen = await this.#ask(this.sent++);
      const version = Number(VERSION.exec(seen)?.[1] ?? Number.NaN);
      if (!(version >= oldest && version <= this.#written))
        this.problems.push(`${new Date().toISOString()} ${oldest} to ${this.#written} expected, ${seen} seen`);
    }
  }

  async #policy(): Promise<JsPolicy> {
    return (await this.#cluster.get(POLICIES, NAME)) as unknown as JsPolicy;
  }

  async #ask(number: number): Promise<string> {
    const metadata = { name: `version-${number}`, namespace: LOOP_NAMESPACE };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { asks: 'version' } };
    return this.#cluster.create(MAPS, object, { dryRun: true }).then(
      () => 'allowed',
      (error: Error) => error.message,
    );
  }
}

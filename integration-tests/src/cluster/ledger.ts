import { inspect } from 'node:util';
import type { ViolationEvent } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { get } from './command.ts';
import { deployment, NAMESPACE, nodeIn, RELEASE } from './engine.ts';
import { received } from './receiver.ts';
import { DENYING, type Denial, type LoopResult } from './request-loop.ts';

/**
 * Sinks send again what was under way when their audit ended; the next one begins within about ten seconds. What could not be
 * written comes again with pauses of up to half a minute: a few of them are no loss.
 */
const SETTLED_MS = 180_000;

/** Code of a policy that threw or timed out. */
const FAILED = 500;

/** What was denied over all scenarios, against what the stream, the status and a webhook sink have of it. */
export class Ledger {
  /** By name of the object. */
  readonly #denied = new Set<string>();
  /** Without an answer, or with one whose record may have gone with its evaluator: in the stream, or not. */
  readonly #unsure = new Set<string>();

  /** Let through. On a machine that is starved an evaluation may time out beside the one whose answer was taken. */
  readonly #passed = new Set<string>();

  /** mayLack: of which denials the record may know nothing. */
  add({ denied, passed, undecided }: LoopResult, mayLack: (denial: Denial) => boolean = () => false): void {
    for (const name of passed) this.#passed.add(name);
    for (const denial of denied) (mayLack(denial) ? this.#unsure : this.#denied).add(denial.name);
    for (const name of undecided) this.#unsure.add(name);
  }

  /** Waits for the ledgers to agree. Resolves with how they differ, or with what they hold. */
  async compare(): Promise<{ problem: string; about: string }> {
    let seen = { problem: 'not read yet', about: '' };
    const agreed = async () => {
      seen = await this.#look().catch((error: Error) => ({ problem: `not read: ${error.message}`, about: '' }));
      return seen.problem === '';
    };
    const waited = waitFor(agreed, { what: 'ledgers that agree', timeoutMs: SETTLED_MS, pollMs: 1_000 });
    await waited.catch(() => undefined);
    return seen;
  }

  async #look(): Promise<{ problem: string; about: string }> {
    const [events, total, sent] = await Promise.all([streamed(), statusTotal(), received()]);
    return compared({ denied: this.#denied, unsure: this.#unsure, passed: this.#passed }, { events, total, sent });
  }
}

/** Names of objects, by what their requests were told. */
export interface Told {
  denied: ReadonlySet<string>;
  unsure: ReadonlySet<string>;
  passed: ReadonlySet<string>;
}

export interface Recorded {
  /** Of the stream. */
  events: readonly Pick<ViolationEvent, 'id' | 'data'>[];
  /** In the status. */
  total: number;
  /** How often each id came to the sink. */
  sent: ReadonlyMap<string, number>;
}

/** How what was told and what was recorded differ; with no problem, what both hold. */
export function compared({ denied, unsure, passed }: Told, { events, total, sent }: Recorded) {
  const ids = new Set(events.map(({ id }) => id));
  const unheard = events.filter(({ data }) => data.code === FAILED && passed.has(data.object.name ?? ''));
  const heard = events.filter((event) => !unheard.includes(event));
  const names = new Set(heard.map(({ data }) => data.object.name ?? ''));
  const problems = [
    differ('denied, not in the stream', without(denied, names)),
    differ('in the stream, not denied', without(without(names, denied), unsure)),
    ids.size === events.length ? '' : `${events.length - ids.size} ids are twice in the stream`,
    total === ids.size ? '' : `the total in the status is ${total}, the stream holds ${ids.size}`,
    differ('in the stream, not at the sink', without(ids, sent)),
    differ('at the sink, not in the stream', without(new Set(sent.keys()), ids)),
  ];
  const twice = [...sent.values()].filter((times) => times > 1).length;
  const counts = `${denied.size} denied, ${unsure.size} unsure, stream, status and sink ${ids.size} each, ${twice} sent again`;
  const failed = `${unheard.length} failed evaluations of requests that another evaluator answered`;
  const about = unheard.length > 0 ? `ledger: ${counts}, ${failed}` : `ledger: ${counts}`;
  return { problem: problems.filter(Boolean).join('; '), about };
}

const without = (all: ReadonlySet<string>, some: { has(name: string): boolean }): Set<string> =>
  new Set([...all].filter((name) => !some.has(name)));
const differ = (what: string, names: Set<string>): string =>
  names.size === 0
    ? ''
    : `${names.size} ${what}: ${inspect([...names].slice(0, 5), { breakLength: Number.POSITIVE_INFINITY })}`;

/** The record of violations, read as the user cli in a Pod of audit. */
async function streamed(): Promise<ViolationEvent[]> {
  const { data } = await get('secret', `${RELEASE}-nats-auth`, '-n', NAMESPACE);
  const env = { NATS_USER: 'cli', NATS_PASSWORD: Buffer.from(data.cli, 'base64').toString() };
  const url = `nats://${RELEASE}-nats-headless.${NAMESPACE}.svc:4222`;
  const words = ['violations', '--nats', url, '--since', '24h', '--policy', DENYING, '-o', 'cloudevents'];
  const program = `Object.assign(process.env, ${JSON.stringify(env)});
process.argv = ['node', 'jspolicy', ...${JSON.stringify(words)}];
await import('/app/services/cli/bin/jspolicy.js');`;
  const text = await nodeIn(deployment('audit'), program);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ViolationEvent);
}

const statusTotal = async (): Promise<number> =>
  Number((await get('jspolicyviolations', DENYING)).status?.totals?.violations ?? 0);

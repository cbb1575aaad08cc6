import type { Bus, Running, StoredPolicy } from '@jspolicy/bus';
import type { Logger } from '@jspolicy/runtime';
import type { Evaluators } from './evaluators.ts';
import { InForceWait } from './in-force-wait.ts';
import type { StatusFacts } from './status.ts';

/** Until then the status says nothing of a change; a person should learn by then what keeps it. */
const LONGEST_MS = 30_000;
/** What takes longer is worth a line. */
const SLOW_MS = 2_000;
/** In the message; the log has them all. */
const MOST_NAMES = 5;

type NotInForce = NonNullable<StatusFacts['heldBack']>;

interface InForceParts {
  bus: Pick<Bus, 'calls'>;
  evaluators: Pick<Evaluators, 'known' | 'listen'>;
  log: Logger;
  /** A record that the status calls not in force is so now. */
  onChange(policy: string): void;
}

interface Entry {
  wait: InForceWait;
  /** The status may say that it is not in force. */
  told: boolean;
  /** Who is held looks again. */
  look: (() => void) | undefined;
}

/** Whether every evaluator that serves has a policy's record in force. Who did not have it in time is asked on. */
export class InForce implements Running {
  readonly #parts: InForceParts;
  /** The newest record of each policy: in force, or waited for. */
  readonly #entries = new Map<string, Entry>();
  #stopped = false;

  constructor(parts: InForceParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the record is in force; after 30 s with what the status says of that; or with `outdated`, when there is something
   * newer to be put in force. A record that is in force already is not asked for again. Once at a time for a policy.
   */
  async hold(stored: StoredPolicy, isOutdated: () => boolean): Promise<NotInForce | 'outdated' | undefined> {
    const entry = this.#entryOf(stored);
    const { wait } = entry;
    const isLeft = () => this.#stopped || isOutdated();
    await new Promise<void>((resolve) => {
      entry.look = () => {
        if (isLeft() || wait.isOver || wait.tookMs > LONGEST_MS) resolve();
      };
      entry.look();
    });
    entry.look = undefined;
    if (isLeft()) return 'outdated';
    return wait.isOver ? undefined : this.#late(entry, stored);
  }

  /** Something about the policy changed. */
  changed(policy: string): void {
    this.#entries.get(policy)?.look?.();
  }

  forget(policy: string): void {
    this.#entries.get(policy)?.wait.stop();
    this.#entries.delete(policy);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { wait, look } of this.#entries.values()) {
      wait.stop();
      look?.();
    }
  }

  #entryOf(stored: StoredPolicy): Entry {
    const { name } = stored.record;
    const known = this.#entries.get(name);
    if (known?.wait.revision === stored.revision) return known;
    this.forget(name);
    const { bus, evaluators } = this.#parts;
    const onLook = (wait: InForceWait) => this.#look(name, wait);
    const entry = { wait: new InForceWait({ bus, evaluators, stored, onLook }), told: false, look: undefined };
    this.#entries.set(name, entry);
    return entry;
  }

  #look(policy: string, wait: InForceWait): void {
    const entry = this.#entries.get(policy);
    if (entry?.wait !== wait) return;
    if (wait.isOver && wait.tookMs > SLOW_MS) this.#tellSlow(policy, wait);
    entry.look?.();
    if (wait.isOver && entry.told) this.#parts.onChange(policy);
  }

  #tellSlow(policy: string, { tookMs, slow: evaluators }: InForceWait): void {
    this.#parts.log.info(
      { policy, tookMs: Math.round(tookMs), evaluators },
      'policy is in force, evaluators were waited for',
    );
  }

  #late(entry: Entry, { record: { name: policy, generation } }: StoredPolicy): NotInForce {
    const { missing: evaluators } = entry.wait;
    if (!entry.told) this.#parts.log.warn({ policy, generation, evaluators }, 'policy is not in force everywhere');
    entry.told = true;
    return { reason: 'NotInForce', message: messageOf(evaluators) };
  }
}

function messageOf(evaluators: string[] | undefined): string {
  if (!evaluators)
    return 'it is not known which evaluators serve: the controller has no connection to NATS, or lost it again and again';
  const named = evaluators.slice(0, MOST_NAMES).join(', ');
  const more = evaluators.length > MOST_NAMES ? ` and ${evaluators.length - MOST_NAMES} more` : '';
  return (
    `evaluators that do not have it in force yet: ${named}${more}. They answer by what they had before. ` +
    'Their logs say why; they go on trying. One that is ended is not waited for'
  );
}

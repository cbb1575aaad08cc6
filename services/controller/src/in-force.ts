import type { Bus, Running, StoredPolicy } from '@jspolicy/bus';
import type { Logger } from '@jspolicy/runtime';
import type { Evaluators } from './evaluators.ts';
import { InForceWait } from './in-force-wait.ts';
import type { StatusFacts } from './status.ts';

/** Longer than evaluators that are well take. What takes longer is looked at again: other policies shall not stand behind it. */
const HOLD_MS = 1_000;
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
  /** Of a record that was not in force when it was held: it is, or the time for it is over. */
  onChange(policy: string): void;
}

interface Entry {
  wait: InForceWait;
  /** It is to be looked at again when it is in force, or late. */
  isLeft: boolean;
  /** The status says that it is not in force. */
  isTold: boolean;
  /** Who is held looks again. */
  look: (() => void) | undefined;
}

const UNHELD: Omit<Entry, 'wait'> = { isLeft: false, isTold: false, look: undefined };

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
   * Resolves when the record is in force; or within a second with `later`, when onChange tells more or something newer is to be put
   * in force; or, when that goes on for 30 s, with what the status says of it. A record that is in force already is not asked for
   * again. Once at a time for a policy.
   */
  async hold(stored: StoredPolicy, isOutdated: () => boolean): Promise<NotInForce | 'later' | undefined> {
    const entry = this.#entryOf(stored);
    const { wait } = entry;
    const isAbandoned = () => this.#stopped || isOutdated();
    await new Promise<void>((resolve) => {
      entry.look = () => {
        if (isAbandoned() || wait.isOver || wait.tookMs > HOLD_MS) resolve();
      };
      entry.look();
    });
    entry.look = undefined;
    if (isAbandoned()) return 'later';
    if (wait.isOver) return undefined;
    entry.isLeft = true;
    return wait.tookMs > LONGEST_MS ? this.#late(entry, stored) : 'later';
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
    const entry = { wait: new InForceWait({ bus, evaluators, stored, onLook }), ...UNHELD };
    this.#entries.set(name, entry);
    return entry;
  }

  #look(policy: string, wait: InForceWait): void {
    const entry = this.#entries.get(policy);
    if (entry?.wait !== wait) return;
    if (wait.isOver && wait.tookMs > SLOW_MS) this.#tellSlow(policy, wait);
    entry.look?.();
    const isLate = wait.tookMs > LONGEST_MS && !entry.isTold;
    if (!entry.isLeft || !(wait.isOver || isLate)) return;
    entry.isLeft = false;
    this.#parts.onChange(policy);
  }

  #tellSlow(policy: string, { tookMs, slow: evaluators }: InForceWait): void {
    this.#parts.log.info(
      { policy, tookMs: Math.round(tookMs), evaluators },
      'policy is in force, evaluators were waited for',
    );
  }

  #late(entry: Entry, { record: { name: policy, generation } }: StoredPolicy): NotInForce {
    const { missing: evaluators } = entry.wait;
    if (!entry.isTold) this.#parts.log.warn({ policy, generation, evaluators }, 'policy is not in force everywhere');
    entry.isTold = true;
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

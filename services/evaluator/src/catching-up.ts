import type { Bus } from '@jspolicy/bus';
import { type Logger, pause } from '@jspolicy/runtime';
import type { PolicyTable } from './policy-table.ts';

/** Decisions go on while JetStream is away: by what is known then. */
const LONGEST_MS = 2_000;
const AGAIN_MS = 100;

interface CatchingUpParts {
  bus: Pick<Bus, 'policies'>;
  table: Pick<PolicyTable, 'untilTold' | 'untilNewest' | 'names'>;
  log: Logger;
}

interface Turn {
  signal: AbortSignal;
  told: Promise<void>;
}

/** After this evaluator was away: nothing is decided until what changed meanwhile is in force, for 2 s at most. */
export class CatchingUp {
  readonly #parts: CatchingUpParts;
  #turn: Turn | undefined;

  constructor(parts: CatchingUpParts) {
    this.#parts = parts;
  }

  /** Resolves when everything is in force, or when the time is over. Whoever asks meanwhile waits for it. Never rejects. */
  async begin(): Promise<void> {
    const signal = AbortSignal.timeout(LONGEST_MS);
    const turn = { signal, told: this.#untilTold(signal) };
    this.#turn = turn;
    await turn.told;
    const { table, log } = this.#parts;
    await Promise.all(table.names().map((name) => table.untilNewest(name, signal)));
    if (this.#turn === turn) this.#turn = undefined;
    if (signal.aborted) log.warn('what changed while this evaluator was away may not be in force yet, it goes on');
  }

  /** undefined: nothing is missed. */
  wait(policy: string): Promise<void> | undefined {
    return this.#turn && this.#untilNewest(this.#turn, policy);
  }

  async #untilNewest({ told, signal }: Turn, policy: string): Promise<void> {
    await told;
    await this.#parts.table.untilNewest(policy, signal);
  }

  async #untilTold(signal: AbortSignal): Promise<void> {
    const { bus, table, log } = this.#parts;
    while (!signal.aborted) {
      try {
        const revision = await Promise.race([bus.policies.lastRevision(), aborted(signal)]);
        return revision === undefined ? undefined : await table.untilTold(revision, signal);
      } catch (err) {
        log.debug({ err }, 'the newest revision of the policies cannot be read yet');
        await pause(AGAIN_MS, signal);
      }
    }
  }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));

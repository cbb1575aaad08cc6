import type { Logger } from '@jspolicy/runtime';

/** How often everything is looked at without an event: what the stores lost is put back. */
const EVERY_MS = 30_000;
/** When such a look failed: a NATS that came back a moment ago does not answer everything yet. */
const AGAIN_MS = 1_000;

/** Looks at everything when it is told to, and by itself after that. */
export class RepeatedLook {
  readonly #look: () => Promise<void>;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(look: () => Promise<void>, log: Logger) {
    this.#look = look;
    this.#log = log;
  }

  async now(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const failed = await this.#look().catch((err: unknown) => ({ err }));
    if (failed) this.#log.warn(failed, 'look at all policies failed, it comes again');
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.now(), failed ? AGAIN_MS : EVERY_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

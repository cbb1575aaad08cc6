/** What libs/bus logs; each service says it for itself. */
const LOST = '"msg":"NATS connection lost"';
const BACK = '"msg":"NATS connection is back"';

/** Makes of what all services log about their connection one line when it is lost, and one when all have it again. */
export class BusTelling {
  readonly #lost = new Set<string>();
  readonly #onEvent: (text: string) => void;

  constructor(onEvent: (text: string) => void) {
    this.#onEvent = onEvent;
  }

  /** True for a line that is told in this way. */
  takes(service: string, line: string): boolean {
    if (line.includes(LOST)) {
      this.#lost.add(service);
      if (this.#lost.size === 1) this.#onEvent('the connection to NATS is lost, the services wait for it');
      return true;
    }
    if (!line.includes(BACK)) return false;
    if (this.#lost.delete(service) && this.#lost.size === 0) this.#onEvent('NATS is reached again');
    return true;
  }

  /** The process ended: the one that takes its place connects anew, and tells nothing of it. */
  forget(service: string): void {
    if (this.#lost.delete(service) && this.#lost.size === 0) this.#onEvent('NATS is reached again');
  }
}

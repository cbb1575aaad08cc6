import { backoffMs } from '@jspolicy/runtime';

const RETRY = { baseMs: 250, maxMs: 30_000 };

interface Entry {
  running: boolean;
  /** Asked for again while it ran. */
  again: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

export interface WorkQueueOptions {
  /** Names at once. */
  parallel: number;
  /** Resolves when the name is as it should be; a rejection has it tried again, later each time. */
  work(name: string): Promise<void>;
  onFailure(name: string, error: unknown, retryMs: number): void;
}

/** Work by name: never two at once for one name, and an event for a name that waits or runs is not queued twice. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: string[] = [];
  #running = 0;
  #started = false;
  #stopped = false;
  #idle: (() => void) | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** What came before waits until then. */
  start(): void {
    this.#started = true;
    this.#next();
  }

  add(name: string): void {
    if (this.#stopped) return;
    const entry = this.#entries.get(name);
    if (entry?.running) entry.again = true;
    if (entry?.timer) this.#wake(name, entry);
    if (entry) return;
    this.#entries.set(name, { running: false, again: false, failures: 0, timer: undefined });
    this.#waiting.push(name);
    this.#next();
  }

  /** Nothing new starts; resolves when what runs has ended. */
  stop(): Promise<void> {
    this.#ended ??= this.#stop();
    return this.#ended;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #wake(name: string, entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    this.#waiting.push(name);
    this.#next();
  }

  #next(): void {
    while (this.#started && !this.#stopped && this.#running < this.#options.parallel) {
      const name = this.#waiting.shift();
      if (name === undefined) return;
      void this.#run(name);
    }
  }

  async #run(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (!entry) return;
    entry.running = true;
    this.#running++;
    try {
      await this.#options.work(name);
      this.#succeeded(name, entry);
    } catch (error) {
      this.#failed(name, entry, error);
    }
    entry.running = false;
    this.#running--;
    if (this.#running === 0) this.#idle?.();
    this.#next();
  }

  #succeeded(name: string, entry: Entry): void {
    entry.failures = 0;
    if (entry.again) this.#waiting.push(name);
    else this.#entries.delete(name);
    entry.again = false;
  }

  #failed(name: string, entry: Entry, error: unknown): void {
    if (this.#stopped) return;
    // A newer event may be the cure: it is tried at once.
    const retryMs = entry.again ? 0 : backoffMs(entry.failures++, RETRY);
    entry.again = false;
    entry.timer = setTimeout(() => this.#wake(name, entry), retryMs);
    this.#options.onFailure(name, error, retryMs);
  }
}

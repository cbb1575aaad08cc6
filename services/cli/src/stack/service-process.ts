import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { backoffMs, EXIT_CONFIGURATION, type ReadyMessage, SERVICE_NODE_FLAGS } from '@jspolicy/runtime';
import { CommandError, EXIT } from '../exit-codes.ts';

const RESTART = { baseMs: 200, maxMs: 10_000 };
/** A service that ran so long before it died is no service that cannot start. */
const STEADY_MS = 60_000;
/** Whatever a start waits for (NATS, the API server), the service says so in its log. */
const START_TIMEOUT_MS = 60_000;

export interface ServiceProcessOptions {
  /** Its name in messages: `evaluator-1`. */
  name: string;
  /** The file that node runs. */
  main: string;
  /** Asked at each start. */
  env(): NodeJS.ProcessEnv;
  onLine(line: string): void;
  /** What the user shall know: it died, it is back. */
  onEvent(text: string): void;
}

/** One service as a process of its own. It is started again when it dies, and ends with this process. */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #stopping = false;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves with what the service tells when it is ready. Throws CommandError when it ends before, or is too slow. */
  async start(): Promise<ReadyMessage> {
    if (this.#stopping) throw new CommandError(`${this.name} was stopped`);
    const child = this.#fork();
    const startedMs = performance.now();
    const ready = await this.#untilReady(child);
    child.once('exit', (code, signal) => this.#onDeath(signal ?? `exit code ${code}`, startedMs));
    return ready;
  }

  /** SIGTERM, and SIGKILL when it has not ended after timeoutMs. May be called twice, also before it is ready. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), timeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it and what it started at once. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    killGroup(this.#child);
  }

  #fork(): ChildProcess {
    const child = fork(this.#options.main, [], {
      env: this.#options.env(),
      execArgv: [...SERVICE_NODE_FLAGS],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C in the terminal must not end services in any order.
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', this.#options.onLine);
    }
    this.#exited = new Promise((resolve) => {
      child.once('error', () => resolve());
      // Its own children end with it by themselves; one that hangs must not stay, nor keep its output open.
      child.once('exit', () => killGroup(child));
      child.once('close', () => resolve());
    });
    return child;
  }

  #untilReady(child: ChildProcess): Promise<ReadyMessage> {
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        killGroup(child);
      }, START_TIMEOUT_MS);
      child.on('message', (message: ReadyMessage) => {
        if (message.ready !== true) return;
        clearTimeout(timer);
        resolve(message);
      });
      child.once('error', (cause) => {
        clearTimeout(timer);
        reject(new CommandError(`${this.name} cannot be run: ${cause.message}`, { cause }));
      });
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        const early = `ended (${signal ?? `exit code ${code}`}) before it was ready`;
        reject(this.#startFailure(late ? `was not ready after ${START_TIMEOUT_MS / 1000} s` : early, code));
      });
    });
  }

  /** Why is in its lines, which the user has seen. */
  #startFailure(what: string, code: number | null): CommandError {
    const exitCode = code === EXIT_CONFIGURATION ? EXIT.configuration : EXIT.failed;
    return new CommandError(`${this.name} ${what}`, { exitCode });
  }

  #onDeath(how: string, startedMs: number): void {
    if (this.#stopping) return;
    if (performance.now() - startedMs > STEADY_MS) this.#deaths = 0;
    const waitMs = backoffMs(this.#deaths++, RESTART);
    this.#options.onEvent(`${this.name} ended (${how}), it is started again`);
    this.#restart = setTimeout(() => void this.#startAgain(), waitMs);
  }

  async #startAgain(): Promise<void> {
    const startedMs = performance.now();
    try {
      await this.start();
      this.#options.onEvent(`${this.name} is back`);
    } catch (error) {
      this.#onDeath(error instanceof CommandError ? 'it did not start' : String(error), startedMs);
    }
  }
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

import { backoffMs } from '@jspolicy/runtime';
import { type NatsServer, ServersError, startNatsServer } from '@jspolicy/servers';
import { CommandError } from '../exit-codes.ts';
import { endLeftNats } from './left-nats.ts';

const RESTART = { baseMs: 200, maxMs: 5_000 };

export interface NatsProcessOptions {
  storeDir: string;
  /** Lines while the server is fetched or built. */
  onProgress(line: string): void;
  onEvent(text: string): void;
}

/** Our own nats-server: started again at the same URL when it dies. */
export class NatsProcess {
  readonly #options: NatsProcessOptions;
  #server: NatsServer | undefined;
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #stopping = false;

  constructor(options: NatsProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Resolves with its URL when it takes connections. Throws CommandError. */
  async start(): Promise<string> {
    const { storeDir } = this.#options;
    await endLeftNats(storeDir);
    try {
      return (await this.#startAt(undefined)).url;
    } catch (error) {
      throw error instanceof ServersError ? new CommandError(error.message, { cause: error }) : error;
    }
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const timer = setTimeout(() => this.kill(), timeoutMs);
    await this.#server?.stop();
    clearTimeout(timer);
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#server?.kill('SIGKILL');
  }

  async #startAt(port: number | undefined): Promise<NatsServer> {
    const { storeDir, onProgress } = this.#options;
    const server = await startNatsServer({ storeDir, onProgress, ...(port !== undefined && { port }) });
    this.#server = server;
    if (this.#stopping) await server.stop();
    void server.exited.then(({ code, signal }) => this.#onDeath(`${signal ?? `exit code ${code}`}`, server.port));
    return server;
  }

  #onDeath(how: string, port: number): void {
    if (this.#stopping) return;
    this.#options.onEvent(`nats-server ended (${how}), it is started again`);
    const startAgain = () =>
      this.#startAt(port).then(
        () => this.#options.onEvent('nats-server is back'),
        () => this.#onDeath('it did not start', port),
      );
    this.#restart = setTimeout(startAgain, backoffMs(this.#deaths++, RESTART));
  }
}

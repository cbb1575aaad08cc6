import type { Bus, Running, WorkEnd, WorkTurn } from '@jspolicy/bus';
import type { PolicyRecord } from '@jspolicy/contracts';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import type { PolicyTable } from '../policy-table.ts';
import type { WorkSandbox } from './work-sandbox.ts';

const RETRY = { baseMs: 200, maxMs: 10_000 };

export interface ControllerWorkParts {
  bus: Pick<Bus, 'work'>;
  table: Pick<PolicyTable, 'get' | 'inForce'>;
  sandbox: Pick<WorkSandbox, 'keepOnly'>;
  /** Objects at once, of one policy. */
  parallel: number;
  handler(turn: WorkTurn): Promise<WorkEnd>;
  log: Logger;
}

/** Takes work for each Controller policy that is in force here. */
export class ControllerWork implements Running {
  readonly #parts: ControllerWorkParts;
  readonly #consumers = new Map<string, WorkConsumption>();
  readonly #endings = new Set<Promise<void>>();
  #stopping = false;

  constructor(parts: ControllerWorkParts) {
    this.#parts = parts;
  }

  /** What is in force of the policy changed. */
  changed(policy: string): void {
    const { table, sandbox } = this.#parts;
    const works = !this.#stopping && isWorkedOn(table.get(policy));
    const running = this.#consumers.get(policy);
    if (works && !running) this.#consumers.set(policy, new WorkConsumption(policy, this.#parts));
    if (!works && running) {
      this.#consumers.delete(policy);
      this.#end(running);
    }
    sandbox.keepOnly(new Set(table.inForce().map(({ bundle }) => bundle?.digest)));
  }

  /** Resolves when nothing is worked on any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const each of this.#consumers.values()) this.#end(each);
    await Promise.all(this.#endings);
  }

  #end(running: WorkConsumption): void {
    const ending = running.stop().finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }
}

const isWorkedOn = (record: PolicyRecord | undefined): boolean =>
  record?.type === 'Controller' && record.bundle !== undefined && record.objects !== undefined;

/** Of one policy; begins when the bus lets it. */
class WorkConsumption implements Running {
  readonly #stopping = new AbortController();
  readonly #consumer: Promise<Running | undefined>;

  constructor(policy: string, parts: ControllerWorkParts) {
    this.#consumer = this.#begin(policy, parts);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await (await this.#consumer)?.stop();
  }

  async #begin(policy: string, { bus, parallel, handler, log }: ControllerWorkParts): Promise<Running | undefined> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await bus.work.consume({ policy, parallel, handler });
      } catch (err) {
        log.warn({ err, policy }, 'work of the policy cannot be taken yet');
        await pause(backoffMs(attempt, RETRY), signal);
      }
    }
    return undefined;
  }
}

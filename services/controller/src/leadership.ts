import type { LeaseHandler, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';

export interface LeadershipParts {
  identity: string;
  elect(handler: LeaseHandler): Running;
  /** Begins the work. Throws when it cannot. */
  lead(): Running;
  /** One that cannot lead ends, so that another one does. */
  onFailed(error: Error): void;
  onLeads(leads: boolean): void;
  log: Logger;
}

/** Works while this replica holds the Lease. stop() ends the work first, and gives the Lease back then; no work begins after it. */
export class Leadership implements Running {
  readonly #parts: LeadershipParts;
  readonly #election: Running;
  #work: Running | undefined;
  #isStopping = false;

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
    this.#election = parts.elect({ onAcquired: () => this.#acquired(), onLost: () => this.#lost() });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#work?.stop();
    await this.#election.stop();
  }

  /** The election goes on while the work ends: what it wins then it gives back. */
  #acquired(): void {
    if (this.#isStopping) return;
    const { identity, lead, onFailed, onLeads, log } = this.#parts;
    log.info({ identity }, 'leading');
    onLeads(true);
    try {
      this.#work = lead();
    } catch (cause) {
      onFailed(new Error('cannot lead', { cause }));
    }
  }

  #lost(): void {
    const { identity, onLeads, log } = this.#parts;
    log.info({ identity }, 'leads no more');
    onLeads(false);
    this.#work?.stop().catch((err: unknown) => log.error({ err }, 'the work of the leader did not end'));
  }
}

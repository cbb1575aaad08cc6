import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { admissionReview, pod } from '@jspolicy/testing';
import type { WebhookClient } from './webhook-client.ts';

const AT_ONCE = 6;
const PAUSE_MS = 20;

/**
 * Posts reviews to gateways in turn, every second of which is to be denied, and keeps what was said. As the API server does
 * it asks another gateway where a connection is refused, and none where a connection is lost.
 */
export class KnownVerdicts {
  readonly denied: string[] = [];
  readonly wrong: string[] = [];
  /** To be denied, and not answered: the violation may be there or not. */
  readonly lostDenials: string[] = [];
  readonly lost: string[] = [];
  asked = 0;
  readonly #policy: string;
  readonly #gateways: () => WebhookClient[];
  readonly #senders: Promise<void>[];
  #ended = false;

  /** `policy` denies what is named deny-*, with the name as its message. */
  constructor(policy: string, gateways: () => WebhookClient[]) {
    this.#policy = policy;
    this.#gateways = gateways;
    this.#senders = Array.from({ length: AT_ONCE }, () => this.#send());
  }

  /** Waits for what is in flight. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#senders);
  }

  async #send(): Promise<void> {
    while (!this.#ended) {
      await this.#one(this.asked++);
      await delay(PAUSE_MS);
    }
  }

  async #one(number: number): Promise<void> {
    const uid = randomUUID();
    const toBeDenied = number % 2 === 0;
    const name = `${toBeDenied ? 'deny' : 'allow'}-${number}`;
    try {
      const { allowed, status } = await this.#ask(number, admissionReview({ object: pod({ name }), uid }));
      const isRight = toBeDenied ? !allowed && status?.message === name : allowed;
      if (!isRight) this.wrong.push(`${name}: ${JSON.stringify({ allowed, status })}`);
      else if (toBeDenied) this.denied.push(uid);
    } catch (error) {
      this.lost.push(`${name}: ${error instanceof Error ? error.message : error}`);
      if (toBeDenied) this.lostDenials.push(uid);
    }
  }

  async #ask(number: number, review: unknown): ReturnType<WebhookClient['judge']> {
    const gateways = this.#gateways();
    for (let tried = 0; ; tried++) {
      const gateway = gateways[(number + tried) % gateways.length] as WebhookClient;
      try {
        return await gateway.judge(this.#policy, review, { timeout: '30s' });
      } catch (error) {
        const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
        if (!refused || tried + 1 >= gateways.length) throw error;
      }
    }
  }
}

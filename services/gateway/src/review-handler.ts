import type { Bus, BusReply } from '@jspolicy/bus';
import { EngineError, evaluateSubject, HEADER, isPolicyName, statusBody } from '@jspolicy/contracts';
import { deadlineMs } from './deadline.ts';

export interface ReviewRequest {
  policy: string;
  timeout: unknown;
  body: Uint8Array | undefined;
}

/** Hands a review to an evaluator and gives its answer back; bytes are not looked into, either way. */
export class ReviewHandler {
  readonly #bus: Bus;
  readonly #maxInFlight: number;
  readonly #headers: Record<string, string>;
  #inFlight = 0;

  constructor(bus: Bus, { maxInFlight, gatewayId }: { maxInFlight: number; gatewayId: string }) {
    this.#bus = bus;
    this.#headers = { [HEADER.gateway]: gatewayId };
    this.#maxInFlight = maxInFlight;
  }

  /** Never rejects: a fault is an answer with the status of its code. */
  async handle(request: ReviewRequest): Promise<Pick<BusReply, 'status' | 'body'>> {
    try {
      return await this.#forward(request);
    } catch (error) {
      return failure(request.policy, error);
    }
  }

  async #forward({ policy, timeout, body }: ReviewRequest): Promise<BusReply> {
    if (!isPolicyName(policy)) throw new EngineError('UNKNOWN_POLICY', unknownPolicy(policy));
    if (!body || body.length === 0)
      throw new EngineError('MALFORMED_REVIEW', 'the body is empty, an AdmissionReview is wanted');
    if (this.#inFlight >= this.#maxInFlight)
      throw new EngineError('OVERLOADED', `the gateway has ${this.#inFlight} reviews in flight already`);
    this.#inFlight++;
    try {
      const options = { deadlineMs: deadlineMs(timeout), headers: this.#headers };
      return await this.#bus.request(evaluateSubject(policy), body, options);
    } finally {
      this.#inFlight--;
    }
  }
}

/** jsPolicy's own words. */
const unknownPolicy = (policy: string): string => `JsPolicy.policy.jspolicy.com ${JSON.stringify(policy)} not found`;

function failure(policy: string, error: unknown): { status: number; body: Uint8Array } {
  const status = error instanceof EngineError ? error.status : 500;
  const text = error instanceof EngineError ? error.message : 'internal error: see the log of the gateway';
  const message = status === 503 ? `policy ${policy} was not judged: ${text}` : text;
  return { status, body: new TextEncoder().encode(statusBody(status, message)) };
}

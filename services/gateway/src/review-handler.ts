import type { Bus, BusReply } from '@jspolicy/bus';
import { EngineError, type ErrorCode, evaluateSubject, HEADER, isPolicyName, statusBody } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { deadlineMs } from './deadline.ts';
import { internalError } from './internal-error.ts';

export interface ReviewRequest {
  policy: string;
  timeout: unknown;
  body: Uint8Array | undefined;
}

export interface ReviewHandlerParts {
  bus: Pick<Bus, 'request'>;
  maxInFlight: number;
  /** Name of this gateway, for violations. */
  gatewayId: string;
  log: Logger;
}

/** No evaluator answered. */
const UNREACHED: ErrorCode[] = ['NO_EVALUATOR', 'NO_ANSWER', 'BUS_UNAVAILABLE'];

/** Hands a review to an evaluator and gives its answer back; bytes are not looked into, either way. */
export class ReviewHandler {
  readonly #bus: Pick<Bus, 'request'>;
  readonly #maxInFlight: number;
  readonly #headers: Record<string, string>;
  readonly #log: Logger;
  #inFlight = 0;

  constructor({ bus, maxInFlight, gatewayId, log }: ReviewHandlerParts) {
    this.#bus = bus;
    this.#headers = { [HEADER.gateway]: gatewayId };
    this.#maxInFlight = maxInFlight;
    this.#log = log;
  }

  /** Never rejects: a fault is an answer with the status of its code. */
  async handle(request: ReviewRequest): Promise<Pick<BusReply, 'status' | 'body'>> {
    try {
      return await this.#forward(request);
    } catch (error) {
      return failure(request.policy, this.#logged(request, error));
    }
  }

  /** What an operator has to look at; what callers do wrong, and a load that is refused, is counted alone. */
  #logged({ policy, body }: ReviewRequest, error: unknown): EngineError {
    if (!(error instanceof EngineError)) return internalError(error, { policy, body }, this.#log);
    const { code, message: why } = error;
    if (UNREACHED.includes(code)) this.#log.warn({ code, policy, why }, 'review not judged');
    else this.#log.debug({ code, policy, why }, 'review refused');
    return error;
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

function failure(policy: string, { status, message: text }: EngineError): { status: number; body: Uint8Array } {
  const message = status === 503 ? `policy ${policy} was not judged: ${text}` : text;
  return { status, body: new TextEncoder().encode(statusBody(status, message)) };
}

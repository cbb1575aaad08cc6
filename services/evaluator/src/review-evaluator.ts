import type { BusReply, BusRequest } from '@jspolicy/bus';
import { EngineError, HEADER, type PolicyRecord, policyOfToken, statusBody } from '@jspolicy/contracts';
import {
  admissionReviewAnswer,
  type Decision,
  decide,
  judgedCode,
  type Outcome,
  type PolicyFailure,
  type ReviewInfo,
  type ViolationFacts,
  violationEvent,
} from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import type { HostFunctions, Sandbox } from '@jspolicy/sandbox';
import type { EvaluatorMetrics } from './evaluator-metrics.ts';
import type { PolicyLookup } from './policy-lookup.ts';
import { readReviewInfo } from './review-info.ts';
import { timeLimits } from './time-limit.ts';
import type { ViolationRecorder } from './violation-recorder.ts';

export interface ReviewEvaluatorParts {
  evaluatorId: string;
  /** Name of the cluster, in violations. */
  cluster?: string;
  /** Keys of the labels that violations tell of an object. */
  violationLabels?: readonly string[];
  maxInFlight: number;
  lookup: PolicyLookup;
  sandbox: Sandbox;
  recorder: ViolationRecorder;
  /** `review`: the body of the request. */
  hostFunctions(policy: string, review: Uint8Array): HostFunctions;
  metrics: EvaluatorMetrics;
  /** How long each evaluation took is logged. */
  profiling?: boolean;
  log: Logger;
}

/** Kept of the deadline for sending the answer. */
const SEND_MS = 20;

type JudgedFacts = Pick<ViolationFacts, 'record' | 'review' | 'evaluationMs' | 'gateway'>;

interface Judged {
  outcome: Outcome;
  review: ReviewInfo;
}

/** Answers evaluation requests. A fault is thrown as EngineError and becomes the status of its code. */
export class ReviewEvaluator {
  readonly #parts: ReviewEvaluatorParts;
  #inFlight = 0;

  constructor(parts: ReviewEvaluatorParts) {
    this.#parts = parts;
  }

  async handle(request: BusRequest): Promise<BusReply> {
    const { metrics, maxInFlight } = this.#parts;
    try {
      if (this.#inFlight >= maxInFlight) throw new EngineError('OVERLOADED', `${this.#inFlight} reviews are in flight`);
      metrics.inFlight.set(++this.#inFlight);
      return await this.#answer(request).finally(() => metrics.inFlight.set(--this.#inFlight));
    } catch (error) {
      metrics.refused.inc({ code: error instanceof EngineError ? error.code : 'INTERNAL' });
      throw error;
    }
  }

  async #answer(request: BusRequest): Promise<BusReply> {
    const startMs = performance.now();
    const left = () => request.deadlineMs - (performance.now() - startMs);
    const record = await this.#parts.lookup.find(policyOf(request.subject), left());
    const judgedFromMs = performance.now();
    const { outcome, review } = await this.#judge(record, request.body, left());
    const evaluationMs = performance.now() - judgedFromMs;
    if (outcome.kind === 'failed') this.#logFailure(record, review, outcome.failure);
    const decision = decide({ record, outcome });
    await this.#record(
      { record, review, evaluationMs, gateway: request.headers[HEADER.gateway] },
      decision,
      left() - SEND_MS,
    );
    const reply = replyOf(review, decision);
    this.#count(record, outcome, performance.now() - startMs);
    return reply;
  }

  async #judge(record: PolicyRecord, body: Uint8Array, leftMs: number): Promise<Judged> {
    const { sandbox, hostFunctions } = this.#parts;
    if (!record.bundle) return { outcome: noBundle(record), review: readReviewInfo(body) };
    const limits = timeLimits(record.timeoutSeconds, leftMs);
    if (!(limits.limitMs > 0)) throw new EngineError('DEADLINE_PASSED', 'no time was left to evaluate the policy');
    const { name: policy, type, bundle } = record;
    const host = hostFunctions(policy, body);
    const result = await sandbox.evaluate({
      policy,
      type,
      digest: bundle.digest,
      review: body,
      ...limits,
      fresh: bundle.isolation === 'request',
      host,
    });
    if (result.kind === 'malformed') throw new EngineError('MALFORMED_REVIEW', result.message);
    if (result.kind === 'refused') throw new EngineError('OVERLOADED', result.message);
    if (result.kind === 'verdict') return { outcome: result, review: result.review };
    return { outcome: result, review: result.review ?? readReviewInfo(body) };
  }

  async #record(judged: JudgedFacts, decision: Decision, leftMs: number): Promise<void> {
    if (decision.kind !== 'answer' || !decision.violation) return;
    const { evaluatorId: evaluator, cluster, violationLabels: labels, recorder } = this.#parts;
    const where = { evaluator, ...(cluster && { cluster }), ...(labels && { labels }) };
    const event = violationEvent({ ...judged, ...where, violation: decision.violation, time: new Date() });
    await recorder.record(event, leftMs);
  }

  #logFailure(record: PolicyRecord, review: ReviewInfo, { cause, message }: PolicyFailure): void {
    const { name: policy, failurePolicy } = record;
    this.#parts.log.warn({ policy, cause, failurePolicy, uid: review.uid, text: message }, 'policy failed');
  }

  #count({ type, name, bundle }: PolicyRecord, outcome: Outcome, tookMs: number): void {
    const { metrics, log, profiling } = this.#parts;
    metrics.executions.inc({ type, name, code: String(judgedCode(outcome)) });
    if (!bundle) return;
    metrics.seconds.observe({ type, name }, tookMs / 1000);
    if (profiling) log.info({ policy: name, tookMs }, 'policy was evaluated');
  }
}

/** Of a request. */
export const policyOf = (subject: string): string => policyOfToken(subject.slice(subject.lastIndexOf('.') + 1));

function noBundle({ name, bundleError }: PolicyRecord): Outcome {
  const failure: PolicyFailure =
    bundleError === 'undecodable'
      ? { cause: 'bad-bundle', message: `error decompressing javascript bundle for js policy ${name}` }
      : { cause: 'no-bundle', message: `couldn't find javascript bundle for js policy ${name}` };
  return { kind: 'failed', failure };
}

function replyOf(review: ReviewInfo, decision: Decision): BusReply {
  const answered = decision.kind === 'answer';
  const text = answered ? admissionReviewAnswer(review, decision) : statusBody(decision.status, decision.message);
  return { status: answered ? 200 : decision.status, body: new TextEncoder().encode(text), headers: {} };
}

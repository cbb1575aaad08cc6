import type { Bus, WorkEnd, WorkTurn } from '@jspolicy/bus';
import type { KubeObject, PolicyRecord } from '@jspolicy/contracts';
import { decide, judgedCode, type ReviewInfo, type Verdict, violationEvent } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import { type EvaluationResult, HostCallError, type HostFunctions } from '@jspolicy/sandbox';
import type { EvaluatorMetrics } from '../evaluator-metrics.ts';
import type { PolicyTable } from '../policy-table.ts';
import type { ViolationRecorder } from '../violation-recorder.ts';
import { currentObject, type ObjectSource } from './current-object.ts';
import type { FollowedCreates } from './followed-creates.ts';
import { workPolicy } from './work-policy.ts';
import { covers, operationOf, workReview } from './work-review.ts';
import type { WorkSandbox } from './work-sandbox.ts';

export interface WorkEvaluatorParts {
  evaluatorId: string;
  /** Name of the cluster, in violations. */
  cluster?: string;
  /** Keys of the objects' labels that violations tell. */
  violationLabels?: readonly string[];
  table: Pick<PolicyTable, 'get'>;
  bus: Pick<Bus, 'policies'>;
  objects: ObjectSource;
  sandbox: Pick<WorkSandbox, 'evaluate'>;
  recorder: Pick<ViolationRecorder, 'record'>;
  hostFunctions(policy: string, review: Uint8Array): HostFunctions;
  creates: FollowedCreates;
  metrics: EvaluatorMetrics;
  /** How long each evaluation took is logged. */
  profiling?: boolean;
  log: Logger;
}

/** Nobody waits for the answer, as somebody does for a review's. */
const RECORD_MS = 5_000;
/** What could not be begun comes again: soon at first, since a policy that is new here will be in force in a moment. */
const WAIT = { firstMs: 100, maxMs: 1_000 };
/** When the cluster or the bus does not answer. */
const TROUBLE_MAX_MS = 30_000;

const DONE: WorkEnd = { kind: 'done' };
const AGAIN: WorkEnd = { kind: 'again' };

interface Piece {
  turn: WorkTurn;
  record: PolicyRecord;
  object: KubeObject | undefined;
}

/** Evaluates Controller policies for objects. What cannot be begun waits; what fails comes again. */
export class WorkEvaluator {
  readonly #parts: WorkEvaluatorParts;
  #inFlight = 0;

  constructor(parts: WorkEvaluatorParts) {
    this.#parts = parts;
  }

  async handle(turn: WorkTurn): Promise<WorkEnd> {
    const { metrics, log } = this.#parts;
    const { policy, object } = turn.work;
    metrics.workInFlight.set(++this.#inFlight);
    const end = await this.#end(turn).catch((err: unknown) => {
      log.warn({ err, policy, object, attempt: turn.attempt }, 'work could not be begun, it comes again');
      return waiting(turn.attempt, TROUBLE_MAX_MS);
    });
    metrics.workInFlight.set(--this.#inFlight);
    metrics.work.inc({ name: policy, end: end.kind });
    return end;
  }

  async #end(turn: WorkTurn): Promise<WorkEnd> {
    const { table, bus, objects } = this.#parts;
    const { work, time, attempt } = turn;
    const found = await workPolicy(work, Date.now() - time.getTime(), { table, policies: bus.policies });
    if (found.kind === 'gone') return DONE;
    if (found.kind === 'wait') return waiting(attempt);
    const { record } = found;
    const object = await currentObject(objects, work);
    if (object && found.kind === 'stale') return DONE;
    if (!covers(record, operationOf(object)) || !(await isSelected(object, record))) return DONE;
    return this.#evaluate({ turn, record, object });
  }

  async #evaluate(piece: Piece): Promise<WorkEnd> {
    const { turn, record, object } = piece;
    if (!record.bundle) return DONE;
    const { name: policy, type, bundle, timeoutSeconds } = record;
    const review = workReview(turn.work, object);
    const { creates, hostFunctions } = this.#parts;
    const host = creates.bounded(fenced(hostFunctions(policy, review), turn), policy, turn.work.object);
    const startMs = performance.now();
    const limitMs = timeoutSeconds * 1000;
    // Nobody waits: one that has to be evaluated anew has its whole time again.
    const deadlineMs = 2 * limitMs;
    const { digest, isolation } = bundle;
    const fresh = isolation === 'request';
    const limits = { limitMs, deadlineMs };
    const result = await this.#parts.sandbox.evaluate({ policy, type, digest, review, ...limits, fresh, host });
    if (result.kind === 'malformed') throw new Error(`the request of a Controller policy: ${result.message}`);
    if (result.kind === 'refused') return waiting(turn.attempt);
    this.#profile(piece, performance.now() - startMs);
    return result.kind === 'verdict' ? this.#judged(piece, result) : this.#failed(piece, result);
  }

  async #judged(piece: Piece, { verdict, review }: EvaluationResult & { kind: 'verdict' }): Promise<WorkEnd> {
    const { metrics, log } = this.#parts;
    const { record, turn } = piece;
    const about = { policy: record.name, object: turn.work.object };
    for (const warning of verdict.warnings) log.info({ ...about, warning }, 'policy warned');
    await this.#record(piece, verdict, review);
    const code = judgedCode({ kind: 'verdict', verdict });
    metrics.executions.inc({ type: record.type, name: record.name, code: String(code) });
    if (!verdict.requeue) return DONE;
    log.debug({ ...about, why: verdict.requeue.message, attempt: turn.attempt }, 'policy asks to come again');
    return AGAIN;
  }

  #profile({ turn, record: { type, name: policy } }: Piece, tookMs: number): void {
    const { metrics, log, profiling } = this.#parts;
    metrics.seconds.observe({ type, name: policy }, tookMs / 1000);
    if (profiling) log.info({ policy, object: turn.work.object, tookMs }, 'policy was evaluated');
  }

  /** A delivery that is repeated gives the same violation. */
  async #record({ turn, record }: Piece, verdict: Verdict, info: ReviewInfo): Promise<void> {
    const decision = decide({ record, outcome: { kind: 'verdict', verdict } });
    const violation = decision.kind === 'answer' ? decision.violation : undefined;
    if (!violation || !turn.isHeld()) return;
    const { evaluatorId: evaluator, cluster, violationLabels: labels, recorder } = this.#parts;
    const where = { evaluator, ...(cluster && { cluster }), ...(labels && { labels }) };
    const review = { ...info, uid: turn.id };
    await recorder.record(violationEvent({ record, review, violation, time: new Date(), ...where }), RECORD_MS);
  }

  #failed({ turn, record }: Piece, { failure }: EvaluationResult & { kind: 'failed' }): WorkEnd {
    const { log, metrics } = this.#parts;
    const { name: policy, type } = record;
    if (failure.cause === 'quarantined') return waiting(turn.attempt);
    const { cause, message: text } = failure;
    log.warn({ policy, object: turn.work.object, cause, text, attempt: turn.attempt }, 'policy failed, it comes again');
    metrics.executions.inc({ type, name: policy, code: '500' });
    return AGAIN;
  }
}

/** The labels may have changed since it was queued. The selector's code is loaded with the cluster's. */
async function isSelected(object: KubeObject | undefined, { objects }: PolicyRecord): Promise<boolean> {
  if (!object) return true;
  const { matchesLabels } = await import('@jspolicy/kube');
  return matchesLabels(objects?.objectSelector, object.metadata.labels);
}

const waiting = (attempt: number, maxMs = WAIT.maxMs): WorkEnd => ({
  kind: 'wait',
  delayMs: Math.min(maxMs, WAIT.firstMs * 2 ** Math.min(attempt - 1, 30)),
});

/** Whoever lost the claim on the object does nothing more in its name. */
const fenced = (host: HostFunctions, turn: WorkTurn): HostFunctions => ({
  print: (line) => host.print(line),
  async call(call, signal) {
    if (!turn.isHeld()) throw new HostCallError('Aborted', 'another evaluator may work on the object by now');
    return host.call(call, AbortSignal.any([signal, turn.signal]));
  },
});

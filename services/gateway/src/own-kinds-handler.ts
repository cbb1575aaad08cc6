import { EngineError, REVIEW_VERSIONS, statusBody } from '@jspolicy/contracts';
import { admissionReviewAnswer, judgeOwnKind, type OwnKindQuestion, type OwnKindStage } from '@jspolicy/policy';

interface Reply {
  status: number;
  body: Uint8Array;
}

type Fields = Record<string, unknown>;

/**
 * Judges the engine's own kinds, here and at once: who mends a policy needs no evaluator and no NATS. Never throws: what
 * is no review is an answer with status 400.
 */
export function answerOwnKind(body: Uint8Array | undefined, stage: OwnKindStage): Reply {
  try {
    const { apiVersion, uid, question } = read(body);
    return reply(200, admissionReviewAnswer({ apiVersion, uid }, judgeOwnKind(question, stage)));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return reply(error.status, statusBody(error.status, error.message));
  }
}

const reply = (status: number, text: string): Reply => ({ status, body: new TextEncoder().encode(text) });

const malformed = (message: string, options?: ErrorOptions) => new EngineError('MALFORMED_REVIEW', message, options);

function read(body: Uint8Array | undefined): { apiVersion: string; uid: string; question: OwnKindQuestion } {
  const review = parse(body);
  if (!isFields(review) || review['kind'] !== 'AdmissionReview')
    throw malformed('the body must be an AdmissionReview: kind must be AdmissionReview');
  const apiVersion = REVIEW_VERSIONS.find((version) => version === review['apiVersion']);
  if (!apiVersion)
    throw malformed(`the body must be an AdmissionReview: apiVersion must be ${REVIEW_VERSIONS.join(' or ')}`);
  const request = review['request'];
  if (!isFields(request)) throw malformed('the body must be an AdmissionReview: request must be an object');
  return { apiVersion, uid: textOf(request, 'uid'), question: questionOf(request) };
}

function questionOf(request: Fields): OwnKindQuestion {
  const kind = isFields(request['kind']) ? request['kind'] : {};
  return {
    operation: textOf(request, 'operation'),
    kind: { group: textOf(kind, 'group'), version: textOf(kind, 'version'), kind: textOf(kind, 'kind') },
    object: request['object'],
    oldObject: request['oldObject'],
  };
}

function parse(body: Uint8Array | undefined): unknown {
  if (!body || body.length === 0) throw malformed('the body is empty, an AdmissionReview is wanted');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw malformed('the body must be one AdmissionReview in JSON', { cause });
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (fields: Fields, key: string): string => {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
};

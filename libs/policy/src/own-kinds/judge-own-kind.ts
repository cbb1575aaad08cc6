import { API_VERSION } from '@jspolicy/contracts';
import type { Answer } from '../decision.ts';
import type { PatchOperation } from '../verdict.ts';
import { type DecodeProblem, decodeProblem } from './decode.ts';
import { allInOne } from './field-errors.ts';
import { subdomainProblems } from './label-rules.ts';
import { policyErrors } from './policy-rules.ts';
import { type DecodedPolicy, OWN_KINDS, type Shape } from './shapes.ts';

/** What is asked of an object of the engine's own kinds. Objects are JSON as it came, of any shape. */
export interface OwnKindQuestion {
  operation: string;
  kind: { group: string; version: string; kind: string };
  object: unknown;
  oldObject: unknown;
}

/**
 * `before-schema`: the API server asks before it holds the object against the schema of the kind, whose words differ.
 * What its types and its check of names refuse is left to it; what only these rules know in the words that users know
 * is refused, and values get the form in which they are stored. `complete`: everything is judged, nothing changed.
 */
export type OwnKindStage = 'before-schema' | 'complete';

/** Whether a JsPolicy, JsPolicyBundle or JsPolicyViolations may be created or updated so. Never throws. */
export function judgeOwnKind(question: OwnKindQuestion, stage: OwnKindStage): Answer {
  const { operation, kind, object, oldObject } = question;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return fault(`operation ${operation} not supported`);
  const missing = missingType(object);
  if (missing) return denied('BadRequest', missing);
  const shape = shapeOf(kind);
  if (!shape) return ALLOWED;
  const problem = decodeProblem(object, shape);
  if (problem) return isLeftToSchema(problem, stage) ? ALLOWED : denied('BadRequest', problem.message);
  const old = operation === 'UPDATE' ? oldProblem(oldObject, shape) : undefined;
  if (old) return fault(old);
  if (kind.kind !== 'JsPolicy') return ALLOWED;
  const policy = object as DecodedPolicy;
  return judgePolicy(policy, operation === 'UPDATE' ? (oldObject as DecodedPolicy) : undefined, stage);
}

function judgePolicy(policy: DecodedPolicy, old: DecodedPolicy | undefined, stage: OwnKindStage): Answer {
  if (stage === 'complete') return answerTo(policyErrors(policy, old)) ?? ALLOWED;
  const name = policy.metadata?.name ?? '';
  // The name is not made yet when the API server is to make it.
  const named = name === '' ? { ...policy, metadata: { name: 'not.yet.named' } } : policy;
  if (name !== '' && subdomainProblems(name).length > 0) return ALLOWED;
  const refused = answerTo(policyErrors(named, old));
  const patch = storedForm(policy);
  return refused ?? (patch ? { ...ALLOWED, patch } : ALLOWED);
}

/** violationPolicy is read in any case and stored in one. */
function storedForm({ spec }: DecodedPolicy): PatchOperation[] | undefined {
  const written = spec?.violationPolicy;
  if (!written) return undefined;
  const value = written.charAt(0).toUpperCase() + written.slice(1).toLowerCase();
  return value === written ? undefined : [{ op: 'replace', path: '/spec/violationPolicy', value }];
}

/** undefined for a kind that is none of ours: it is let through. */
const shapeOf = ({ group, version, kind }: OwnKindQuestion['kind']): Shape | undefined =>
  `${group}/${version}` === API_VERSION ? OWN_KINDS.get(kind) : undefined;

/** What says no kind cannot be read. */
function missingType(object: unknown): string | undefined {
  const fields = (object ?? {}) as Partial<Record<string, unknown>>;
  if (!fields['kind']) return `Object 'Kind' is missing in '${textOf(object)}'`;
  return fields['apiVersion'] ? undefined : `Object 'apiVersion' is missing in '${textOf(object)}'`;
}

function textOf(object: unknown): string {
  try {
    return object === null || object === undefined ? '' : JSON.stringify(object);
  } catch {
    // Nested deeper than the stack is.
    return '';
  }
}

/** The old object was admitted once: its unknown fields do no harm now. */
function oldProblem(oldObject: unknown, shape: Shape): string | undefined {
  const problem = decodeProblem(oldObject, shape);
  const isStrict = problem?.message.startsWith('strict decoding error') ?? false;
  return missingType(oldObject) ?? (isStrict ? undefined : problem?.message);
}

const isLeftToSchema = ({ inSchema }: DecodeProblem, stage: OwnKindStage): boolean =>
  stage === 'before-schema' && inSchema;

const ALLOWED: Answer = { kind: 'answer', allowed: true, code: 200, warnings: [] };

const denied = (reason: string, message: string): Answer => ({
  kind: 'answer',
  allowed: false,
  code: 403,
  reason,
  message,
  warnings: [],
});

/** The code of what cannot be answered at all, as it always was. */
const fault = (message: string): Answer => ({ kind: 'answer', allowed: false, code: 1, message, warnings: [] });

function answerTo(errors: string[]): Answer | undefined {
  const message = allInOne(errors);
  return message === undefined ? undefined : denied('Forbidden', message);
}

import type { Decision } from '@jspolicy/policy';
import { admissionReviewAnswer } from '@jspolicy/policy';
import { stringify } from 'yaml';
import type { Terminal } from '../terminal.ts';
import { authorStack } from './author-stack.ts';
import type { ReviewInput } from './review-file.ts';
import type { ReviewStep } from './review-run.ts';

export type OutputFormat = 'text' | 'json' | 'yaml';

type Judged = Extract<ReviewStep, { kind: 'judged' }>;

/** Prints the answers; what is about them and no answer goes to standard error. */
export function printReview(steps: ReviewStep[], review: ReviewInput, format: OutputFormat, terminal: Terminal): void {
  for (const step of steps) if (step.kind === 'skipped') terminal.note(`${step.policy} skipped: ${step.reason}`);
  const judged = steps.filter((step) => step.kind === 'judged');
  if (judged.length === 0) terminal.note('no policy covers this request: it is allowed');
  for (const { policy, hidden, inVain } of judged) {
    if (hidden !== undefined) terminal.note(`${policy}: violationPolicy Dry hides ${hidden}`);
    if (inVain)
      terminal.note(`${policy}: mutate() has no effect, only policies with spec.type Mutating change objects`);
  }
  if (format === 'text') {
    for (const step of judged) printText(step, terminal);
    return;
  }
  const document = answersDocument(judged, review);
  if (document) terminal.print(format === 'json' ? JSON.stringify(document, null, 2) : stringify(document).trimEnd());
}

function printText({ policy, decision, evaluated, sourceLines }: Judged, terminal: Terminal): void {
  const own = (text: string): string => authorStack(text, policy, sourceLines);
  if (decision.kind === 'unanswered') {
    terminal.print(`ignored, because failurePolicy is Ignore: ${policy} failed: ${own(decision.message)}`);
    return;
  }
  for (const warning of decision.warnings) terminal.print(`Warning: ${own(warning)}`);
  const what = decision.allowed ? 'allowed' : evaluated ? 'denied' : 'failed, so denied,';
  const message = decision.allowed || !decision.message ? '' : `: ${own(decision.message)}`;
  terminal.print(`${what} by ${policy}${message}`);
  if (!decision.patch) return;
  terminal.print(`patch of ${policy}:`);
  for (const operation of decision.patch) terminal.print(`  ${JSON.stringify(operation)}`);
}

/** One answer as it is; several as a List, each with its policy's name. */
function answersDocument(judged: Judged[], review: ReviewInput): object | undefined {
  const [first, second] = judged;
  if (!first) return undefined;
  if (!second) return answerOf(first.decision, review);
  const items = judged.map(({ policy, decision }) => {
    const { kind, apiVersion, ...rest } = answerOf(decision, review);
    return { kind, apiVersion, metadata: { name: policy }, ...rest };
  });
  return { apiVersion: 'v1', kind: 'List', items };
}

interface AnswerDocument {
  kind: string;
  apiVersion: string;
  [field: string]: unknown;
}

/** What the webhook would send: an AdmissionReview, or a Status with an HTTP error. */
function answerOf(decision: Decision, { apiVersion, request }: ReviewInput): AnswerDocument {
  if (decision.kind === 'answer') return JSON.parse(admissionReviewAnswer({ apiVersion, uid: request.uid }, decision));
  const { message, status: code } = decision;
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason: 'InternalError', code };
}

import type { JsPolicySpec, KubeObject } from '@jspolicy/contracts';
import type { Answer, Decision } from '@jspolicy/policy';
import { applyPatch } from './apply-patch.ts';
import { linesOf } from './author-stack.ts';
import { whyNotMatched } from './match.ts';
import type { JudgeOptions, OfflineEngine } from './offline-engine.ts';
import type { PolicyFile } from './policy-files.ts';
import type { ReviewInput } from './review-file.ts';

export type ReviewStep =
  | { kind: 'skipped'; policy: string; reason: string }
  | {
      kind: 'judged';
      policy: string;
      decision: Decision;
      evaluated: boolean;
      hidden?: string;
      inVain?: boolean;
      /** Of the author's source, where there is one. */
      sourceLines?: number;
    };

/**
 * Judges a review as the API server would: mutating policies first, one after the other, each with what the ones before
 * it made of the object, up to the first that denies; then all validating ones.
 */
export async function runReview(
  engine: OfflineEngine,
  policies: PolicyFile[],
  review: ReviewInput,
  options: JudgeOptions,
): Promise<ReviewStep[]> {
  const steps: ReviewStep[] = [];
  const labels = await namespaceLabels(engine, review);
  let current = review;
  for (const file of inOrder(policies)) {
    const { name } = file.policy.metadata;
    const reason = skipReason(file.policy.spec, current, labels);
    if (reason !== undefined) {
      steps.push({ kind: 'skipped', policy: name, reason });
      continue;
    }
    const judgement = await engine.judge(await engine.compile(file), current, options);
    const { javascript } = file.policy.spec;
    const source = javascript ? { sourceLines: linesOf(javascript) } : {};
    steps.push({ kind: 'judged', policy: name, ...judgement, ...source });
    if (isMutating(file) && isDenial(judgement.decision)) break;
    current = patched(current, judgement.decision);
  }
  return steps;
}

export const isDenial = (decision: Decision): decision is Answer => decision.kind === 'answer' && !decision.allowed;

const isMutating = ({ policy }: PolicyFile): boolean => policy.spec.type === 'Mutating';

const inOrder = (policies: PolicyFile[]): PolicyFile[] => [
  ...policies.filter(isMutating),
  ...policies.filter((file) => !isMutating(file)),
];

function skipReason(spec: JsPolicySpec, { request }: ReviewInput, labels: Record<string, string>): string | undefined {
  return spec.type === 'Controller'
    ? 'type Controller: no request asks it; it is evaluated afterwards, and its deny() records a violation and stops nothing'
    : whyNotMatched(spec, request, labels);
}

function patched(review: ReviewInput, decision: Decision): ReviewInput {
  if (decision.kind !== 'answer' || !decision.patch) return review;
  const object = applyPatch(review.request.object, decision.patch);
  return { ...review, request: { ...review.request, object } };
}

/** The API server itself gives each namespace this label. */
async function namespaceLabels({ cluster }: OfflineEngine, { request }: ReviewInput): Promise<Record<string, string>> {
  if (!request.namespace) return {};
  const type = await cluster.resolve('v1', 'Namespace');
  const namespace: KubeObject | undefined = await cluster.get(type, request.namespace);
  return { 'kubernetes.io/metadata.name': request.namespace, ...namespace?.metadata.labels };
}

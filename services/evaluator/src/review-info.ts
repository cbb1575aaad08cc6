import { EngineError, type GroupVersionKind, type UserInfo } from '@jspolicy/contracts';
import type { ObjectMarks, ReviewInfo } from '@jspolicy/policy';

/** As many as the sandbox tells. A key has 253 and 63 characters at most in Kubernetes, a value 63. */
const MAX_LABELS = 64;

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (fields: Fields, key: string): string => {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
};
const fieldsOf = (fields: Fields, key: string): Fields => {
  const value = fields[key];
  return isFields(value) ? value : {};
};

/**
 * What the engine needs of a review, read here: only where no sandbox could tell, which is rare. Otherwise the body is
 * parsed in the sandbox alone. Throws EngineError MALFORMED_REVIEW.
 */
export function readReviewInfo(body: Uint8Array): ReviewInfo {
  const review = parse(body);
  const request = isFields(review) ? review['request'] : undefined;
  if (!isFields(review) || !isFields(request)) {
    throw new EngineError('MALFORMED_REVIEW', 'the body is no AdmissionReview: it has no request');
  }
  const name = textOf(request, 'name');
  const namespace = textOf(request, 'namespace');
  const subResource = textOf(request, 'subResource');
  const object = marksOf(request);
  return {
    apiVersion: textOf(review, 'apiVersion') || 'admission.k8s.io/v1',
    uid: textOf(request, 'uid'),
    kind: kindOf(fieldsOf(request, 'kind')),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation: textOf(request, 'operation'),
    ...(subResource && { subResource }),
    userInfo: userOf(fieldsOf(request, 'userInfo')),
    dryRun: request['dryRun'] === true,
    ...(object && { object }),
  };
}

function marksOf(request: Fields): ObjectMarks | undefined {
  const object = isFields(request['object']) ? request['object'] : fieldsOf(request, 'oldObject');
  const metadata = fieldsOf(object, 'metadata');
  const uid = textOf(metadata, 'uid');
  const labels = Object.entries(fieldsOf(metadata, 'labels')).filter(isLabel).slice(0, MAX_LABELS);
  if (!uid && labels.length === 0) return undefined;
  return { ...(uid && { uid }), ...(labels.length > 0 && { labels: Object.fromEntries(labels) }) };
}

const isLabel = (entry: [string, unknown]): entry is [string, string] =>
  entry[0].length <= 317 && typeof entry[1] === 'string' && entry[1].length <= 63;

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new EngineError('MALFORMED_REVIEW', 'the body is not JSON', { cause });
  }
}

const kindOf = (fields: Fields): GroupVersionKind => ({
  group: textOf(fields, 'group'),
  version: textOf(fields, 'version'),
  kind: textOf(fields, 'kind'),
});

function userOf(fields: Fields): UserInfo {
  const username = textOf(fields, 'username');
  const uid = textOf(fields, 'uid');
  const groups = Array.isArray(fields['groups']) ? fields['groups'].filter((group) => typeof group === 'string') : [];
  return { ...(username && { username }), ...(uid && { uid }), ...(groups.length > 0 && { groups }) };
}

import { policyToken } from './bus.ts';
import type { LabelSelector } from './kinds.ts';

/** Work of Controller policies: one message for each object that waits. */
export const WORK_STREAM = 'JSPOLICY_WORK';
export const WORK_SUBJECTS = 'jspolicy.v1.work.>';
/** Who works on which object at this moment. */
export const WORK_CLAIMS_BUCKET = 'JSPOLICY_WORK_CLAIMS';

/** Which objects a Controller policy is evaluated for, with every default. */
export interface ObjectMatch {
  /** CREATE, DELETE or `*`. */
  operations: string[];
  resources: string[];
  apiGroups: string[];
  apiVersions: string[];
  scope: string;
  namespaceSelector: LabelSelector;
  objectSelector: LabelSelector;
}

/** The kind of an object, and where its objects live. */
export interface WorkKind {
  group: string;
  version: string;
  kind: string;
  resource: string;
  namespaced: boolean;
}

/**
 * One object that a Controller policy is to be evaluated for. It tells which object, not what it looks like: the policy
 * sees the object as it is when its turn comes.
 */
export interface WorkMessage {
  schema: 1;
  policy: string;
  policyUid: string;
  /** Of the policy when this was queued, with its bundle: older code must not take it for done. */
  generation: number;
  digest: string;
  object: WorkKind & { namespace?: string; name: string };
  /** What was seen of the object; another process may know less of it yet. */
  seen: { resourceVersion: string; gone: boolean };
}

/** Stands for the core group and for no namespace: neither can have this name. */
const NONE = '-';

/** Any text as one subject token: what is more than a letter, digit, `-` or `_` becomes `%XX`. */
const token = (text: string): string =>
  text === '' ? NONE : encodeURIComponent(text).replace(/[.!~*'()]/g, (each) => `%${each.charCodeAt(0).toString(16)}`);

/** One subject per policy and object; the version is no part of it, since each version shows the same object. */
export function workSubject({ policy, object }: Pick<WorkMessage, 'policy' | 'object'>): string {
  const { group, resource, namespace = '', name } = object;
  return `jspolicy.v1.work.${[policyToken(policy), token(group), token(resource), token(namespace), token(name)].join('.')}`;
}

/** All work of a policy, or of one of its kinds. */
export function workSubjects(policy: string, kind?: Pick<WorkKind, 'group' | 'resource'>): string {
  const tokens = kind ? [policyToken(policy), token(kind.group), token(kind.resource)] : [policyToken(policy)];
  return `jspolicy.v1.work.${tokens.join('.')}.>`;
}

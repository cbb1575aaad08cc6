import type { KubeObject } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import { kindProblem } from './kind-problem.ts';
import { segmentProblem } from './path-segment.ts';

export type WriteName = 'create' | 'update' | 'remove';

/** Where an object that a policy gives is to be written. Texts that it does not say are empty. */
export interface Target {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string;
  object: KubeObject;
}

type Fields = Record<string, unknown>;

/** Or what it lacks to be an object of the API, in the words that policies see from jsPolicy. */
export function targetOf(given: unknown): Target | string {
  const object = fieldsOf(given);
  const metadata = fieldsOf(object['metadata']);
  const apiVersion = textOf(object, 'apiVersion');
  const kind = textOf(object, 'kind');
  const problem = kindProblem(apiVersion, kind);
  if (problem) return problem;
  const whole = { ...object, metadata: object['metadata'] ?? {} } as unknown as KubeObject;
  return {
    apiVersion,
    kind,
    name: textOf(metadata, 'name'),
    namespace: textOf(metadata, 'namespace'),
    object: whole,
  };
}

/** Why there can be no request for it; undefined when there can. */
export function targetProblem(call: WriteName, target: Target, type: ResourceType): string | undefined {
  const { name, namespace } = target;
  const illegalNamespace = type.namespaced ? segmentProblem(namespace) : undefined;
  if (illegalNamespace) return `invalid namespace ${JSON.stringify(namespace)}: [${illegalNamespace}]`;
  const problem = call === 'create' ? undefined : nameProblem(name);
  if (problem || !type.namespaced || namespace !== '') return problem;
  return call === 'create'
    ? 'an empty namespace may not be set during creation'
    : 'an empty namespace may not be set when a resource name is provided';
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'resource name may not be empty';
  const illegal = segmentProblem(name);
  return illegal && `invalid resource name ${JSON.stringify(name)}: [${illegal}]`;
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const textOf = (fields: Fields, key: string): string => {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  return typeof value === 'string' ? value : '';
};

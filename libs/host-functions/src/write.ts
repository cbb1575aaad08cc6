import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, ResourceType } from '@jspolicy/kube';
import { HostCallError } from '@jspolicy/sandbox';
import { jsonType } from './call-options.ts';
import { kubeErrorOf } from './host-call-error.ts';
import { withSortedKeys } from './sorted-keys.ts';
import { type Target, targetOf, targetProblem, type WriteName } from './write-target.ts';

/** Where create(), update() and remove() write to. What they may do there is the business of the cluster's own rules. */
export interface ClusterWriter {
  open(): Promise<Cluster>;
  /** The user only tries: nothing may be changed. */
  isDryRun(): boolean;
}

/** What policies get; fields in the order in which jsPolicy gives them. */
type Result = { object: unknown; ok: true } | { ok: false; reason?: string; message: string };

/**
 * create(object), update(object), remove(object). What the cluster refuses is a result; arguments that are no object are an
 * error, but a result of remove().
 */
export async function writeObject(
  name: WriteName,
  args: unknown[],
  writer: ClusterWriter,
  signal: AbortSignal,
): Promise<Result> {
  const problem = argumentProblem(args);
  if (problem && name === 'remove') return { ok: false, reason: 'UnmarshalObject', message: problem };
  if (problem) throw new HostCallError('UnmarshalObject', problem);
  const target = targetOf(args[0]);
  if (typeof target === 'string') return { ok: false, message: target };
  return send(name, target, writer, signal);
}

/** Texts of errors are those of Go's JSON decoder, which policies see from jsPolicy. */
function argumentProblem(args: unknown[]): string | undefined {
  if (args.length === 0) return "invalid character 'u' looking for beginning of value";
  const [object] = args;
  if (object === null || jsonType(object) === 'object') return undefined;
  return `json: cannot unmarshal ${jsonType(object)} into Go value of type map[string]interface {}`;
}

async function send(name: WriteName, target: Target, writer: ClusterWriter, signal: AbortSignal): Promise<Result> {
  const cluster = await writer.open();
  const resolved = await answerOf(cluster.resolve(target.apiVersion, target.kind, { signal }));
  // That a kind is not served is found out before anything is asked: such an error has no reason.
  if ('ok' in resolved) return resolved.reason === 'NotFound' ? { ok: false, message: resolved.message } : resolved;
  const problem = targetProblem(name, target, resolved.value);
  if (problem) return { ok: false, message: problem };
  const options = { dryRun: writer.isDryRun(), signal };
  const written = await answerOf(write(name, cluster, { type: resolved.value, target, options }));
  return 'ok' in written ? written : { object: withSortedKeys(written.value), ok: true };
}

interface Write {
  type: ResourceType;
  target: Target;
  options: { dryRun: boolean; signal: AbortSignal };
}

/** What was written, or, for remove(), what was given. */
async function write(name: WriteName, cluster: Cluster, { type, target, options }: Write): Promise<KubeObject> {
  if (name !== 'remove') return cluster[name](type, target.object, options);
  const namespace = type.namespaced ? target.namespace : undefined;
  await cluster.remove(type, target.name, namespace, { ...options, mustExist: true });
  return target.object;
}

/** An answer of the cluster that is an error is told to the policy; anything else is not its own. */
async function answerOf<T>(asked: Promise<T>): Promise<{ value: T } | Extract<Result, { ok: false }>> {
  try {
    return { value: await asked };
  } catch (error) {
    const kubeError = kubeErrorOf(error);
    if (!kubeError) throw error;
    const { status, reason, message } = kubeError;
    return { ok: false, ...(status !== 0 && { reason }), message };
  }
}

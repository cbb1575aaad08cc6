import { isDeepStrictEqual } from 'node:util';
import type { SinkCondition, ViolationSink, ViolationSinkStatus } from '@jspolicy/contracts';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { SINKS } from './resource-types.ts';

type Verdict = Pick<SinkCondition, 'status' | 'reason' | 'message'>;

export interface StatusNews {
  /** Of the object that the news are about. */
  generation: number;
  verdict: Verdict;
  /** Absent: they stay. */
  figures?: ViolationSinkStatus;
}

/** Writes a sink's status where it says something new. An object that is gone, or another by now, is left alone. */
export async function writeSinkStatus(cluster: Cluster, name: string, uid: string, news: StatusNews): Promise<void> {
  const object = (await cluster.get(SINKS, name)) as ViolationSink | undefined;
  if (!object || object.metadata.uid !== uid) return;
  const { status: before = {} } = object;
  const status: ViolationSinkStatus = {
    ...before,
    ...news.figures,
    observedGeneration: news.generation,
    conditions: [conditionOf(before.conditions?.[0], news)],
  };
  if (isDeepStrictEqual(status, before)) return;
  try {
    await cluster.updateStatus(SINKS, { ...object, status });
  } catch (error) {
    // Somebody else wrote: the next look is soon.
    if (!(error instanceof KubeError && [404, 409].includes(error.status))) throw error;
  }
}

function conditionOf(before: SinkCondition | undefined, { verdict, generation }: StatusNews): SinkCondition {
  const same = before?.status === verdict.status && before.lastTransitionTime !== undefined;
  return {
    type: 'Ready',
    ...verdict,
    observedGeneration: generation,
    lastTransitionTime: same ? before.lastTransitionTime : new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

export async function readSinkStatus(cluster: Cluster, name: string): Promise<ViolationSinkStatus> {
  return ((await cluster.get(SINKS, name)) as ViolationSink | undefined)?.status ?? {};
}

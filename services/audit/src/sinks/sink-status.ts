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

/** Of somebody who changes the object just then; the next look is soon. */
const TRIES = 3;

/** Writes a sink's status where it says something new. An object that is gone, or another by now, is left alone. */
export async function writeSinkStatus(cluster: Cluster, name: string, uid: string, news: StatusNews): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) if (await wasWritten(cluster, name, uid, news)) return;
}

async function wasWritten(cluster: Cluster, name: string, uid: string, news: StatusNews): Promise<boolean> {
  const object = (await cluster.get(SINKS, name)) as ViolationSink | undefined;
  if (!object || object.metadata.uid !== uid) return true;
  const { status: before = {} } = object;
  const status: ViolationSinkStatus = {
    ...before,
    ...news.figures,
    observedGeneration: news.generation,
    conditions: [conditionOf(before.conditions?.[0], news)],
  };
  if (isDeepStrictEqual(status, before)) return true;
  try {
    await cluster.updateStatus(SINKS, { ...object, status });
    return true;
  } catch (error) {
    if (!(error instanceof KubeError && [404, 409].includes(error.status))) throw error;
    return error.status === 404;
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

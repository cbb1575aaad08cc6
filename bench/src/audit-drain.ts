import { type AuditArm, PUBLISHERS, untilCounted } from './arms/audit.ts';
import { memoryOf } from './processes.ts';
import { progress } from './progress.ts';

const SAMPLE_MS = 250;

/** What audit holds while it works off what came in its absence. */
export interface AuditDrain {
  events: number;
  statusSeconds: number;
  sinkSeconds: number;
  /** Resident memory of audit, MiB. */
  startMiB: number;
  peakMiB: number;
  endMiB: number;
}

export async function measureAuditDrain(arm: AuditArm, events: number): Promise<AuditDrain> {
  progress(`audit: publishing ${events} events while audit is away`);
  await arm.stopAudit();
  const [status, sink] = [(await arm.inStatus()) + events, arm.inSink() + events];
  await arm.publish(PUBLISHERS, events, { client: 'engine', servers: arm.servers });
  progress('audit: draining');
  const { pid } = await arm.startAudit();
  const sizes = [memoryOf(pid).rssMiB];
  const timer = setInterval(() => sizes.push(memoryOf(pid).rssMiB), SAMPLE_MS);
  try {
    const [statusMs, sinkMs] = await Promise.all([
      untilCounted('the statuses to count all', status, () => arm.inStatus()),
      untilCounted('the sink to have all', sink, () => arm.inSink()),
    ]);
    return {
      events,
      statusSeconds: statusMs / 1000,
      sinkSeconds: sinkMs / 1000,
      startMiB: sizes[0] ?? 0,
      peakMiB: Math.max(...sizes),
      endMiB: memoryOf(pid).rssMiB,
    };
  } finally {
    clearInterval(timer);
  }
}

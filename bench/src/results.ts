import type { ApiServerRow } from './api-server.ts';
import type { AuditResult } from './audit.ts';
import type { LatencyCell } from './latency.ts';
import type { Machine } from './machine.ts';
import type { MemoryResult } from './memory.ts';
import type { BenchOptions } from './options.ts';
import type { SaveToDeny } from './save-to-deny.ts';
import type { Target } from './targets.ts';
import type { ThroughputCell } from './throughput.ts';

/** What the parts measured; a part that was not asked for is absent. */
export interface Results {
  latency: LatencyCell[];
  throughput: ThroughputCell[];
  memory: MemoryResult;
  apiServer: ApiServerRow[];
  save: SaveToDeny;
  audit: AuditResult;
}

/** The JSON file of one run. */
export interface Report extends Partial<Results> {
  startedAt: string;
  seconds: number;
  options: Pick<BenchOptions, 'parts' | 'scale' | 'evaluators' | 'sandboxes'>;
  machine: Machine;
  /** Share of the machine's time that the hypervisor gave to others during the run, 0..1. */
  stealShare: number;
  versions: Record<string, string>;
  targets: Target[];
}

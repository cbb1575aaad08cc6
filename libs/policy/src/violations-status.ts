import type { JsPolicyViolations, ViolationAction, ViolationEvent, ViolationTotals } from '@jspolicy/contracts';
import { Positions } from './positions.ts';
import { violationEntry } from './violation-entry.ts';

type ViolationsStatus = NonNullable<JsPolicyViolations['status']>;

export interface Delivery {
  /** Position in the stream. */
  sequence: number;
  event: ViolationEvent;
}

export interface MergeOptions {
  /** How many entries stay. */
  size: number;
  stream: string;
  /** Everything up to this position is handled for good, by all replicas: it never comes again. */
  settledUpTo?: number;
}

const NO_TOTALS: ViolationTotals = { violations: 0, deny: 0, warn: 0, dry: 0, controller: 0 };
const TOTAL_OF = { Deny: 'deny', Warn: 'warn', Dry: 'dry', Controller: 'controller' } as const satisfies Record<
  ViolationAction,
  keyof ViolationTotals
>;

/**
 * The status with the delivered events: the latest `size` of all entries, in the stream's order, and the totals. The
 * order of deliveries and repeated ones change nothing. Entries of unknown position (of an earlier engine, or of a stream
 * that was made anew since) count as older than all others. `added`: how many events were not there yet.
 */
export function mergeViolations(
  status: ViolationsStatus | undefined,
  deliveries: Delivery[],
  { size, stream, settledUpTo = 0 }: MergeOptions,
): { status: ViolationsStatus; added: number } {
  const counted = countedIn(status, stream);
  const added = new Map<number, ViolationEvent>();
  for (const { sequence, event } of deliveries) if (!counted.has(sequence)) added.set(sequence, event);
  const merged = {
    ...entriesOf(status, added, { size, stream }),
    totals: totalsOf(status, added.values()),
    counted: counted.with(added.keys()).withAllUpTo(settledUpTo).toJSON(),
  };
  return { status: merged, added: added.size };
}

/** A status that an earlier version wrote has positions of its entries alone. */
function countedIn(status: ViolationsStatus | undefined, stream: string): Positions {
  if (status?.stream !== stream) return Positions.none();
  return status.counted ? Positions.of(status.counted) : Positions.none().with(status.sequences ?? []);
}

function entriesOf(
  status: ViolationsStatus | undefined,
  added: Map<number, ViolationEvent>,
  { size, stream }: MergeOptions,
) {
  const entries = status?.violations ?? [];
  const positions = status?.stream === stream ? (status.sequences ?? []).slice(-entries.length || Infinity) : [];
  const older = entries.slice(0, entries.length - positions.length);
  const known = new Map(positions.map((sequence, index) => [sequence, entries[older.length + index]]));
  const sequences = [...known.keys(), ...added.keys()].sort((a, b) => a - b).slice(-size);
  const newest = sequences.map((sequence) => {
    const event = added.get(sequence);
    return event ? violationEntry(event) : known.get(sequence);
  });
  return { violations: [...older, ...newest.filter((entry) => entry !== undefined)].slice(-size), sequences, stream };
}

function totalsOf(status: ViolationsStatus | undefined, events: Iterable<ViolationEvent>): ViolationTotals {
  const totals = { ...NO_TOTALS, ...status?.totals };
  for (const { data } of events) {
    totals.violations++;
    totals[TOTAL_OF[data.action]]++;
  }
  return totals;
}

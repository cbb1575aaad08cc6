import { machineTime, stealShare } from './processes.ts';

/** Does one thing and resolves with how long it took, milliseconds. */
export type Probe = () => Promise<number>;

/** A block in which the hypervisor took more than this is not counted: it says nothing of us. */
const STEAL_LIMIT = 0.02;
/** So many blocks more than wanted are tried; then what there is must do. */
const MAX_DISCARDED = 10;

/**
 * Calls each probe once in turn, so that all see the same machine at the same time. Each turn begins with another probe and
 * every second one goes backwards: none has always the same one before it. Resolves with the samples of each probe.
 */
export async function inTurn(probes: readonly Probe[], turns: number): Promise<number[][]> {
  const samples: number[][] = probes.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (let step = 0; step < probes.length; step++) {
      const place = (turn + step) % probes.length;
      const index = turn % 2 === 0 ? place : probes.length - 1 - place;
      samples[index]?.push(await (probes[index] as Probe)());
    }
  }
  return samples;
}

export interface Blocks {
  /** blocks[i][probe] are samples. */
  blocks: number[][][];
  discarded: number;
}

export async function inBlocks(probes: readonly Probe[], blocks: number, turns: number): Promise<Blocks> {
  const counted: number[][][] = [];
  let discarded = 0;
  while (counted.length < blocks) {
    const before = machineTime();
    const block = await inTurn(probes, turns);
    const stolen = stealShare(before, machineTime()) > STEAL_LIMIT;
    if (stolen && discarded < MAX_DISCARDED) discarded++;
    else counted.push(block);
  }
  return { blocks: counted, discarded };
}

/** All samples of one probe. */
export const pooled = ({ blocks }: Blocks, probe: number): number[] => blocks.flatMap((block) => block[probe] ?? []);

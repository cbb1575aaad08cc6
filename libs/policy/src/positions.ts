import type { CountedPositions } from '@jspolicy/contracts';

/**
 * So many runs are kept at most, some 300 KiB as a text: more than messages that can be on their way at once, so that what
 * is given up is long settled.
 */
const MAX_RUNS = 50_000;

interface Run {
  from: number;
  to: number;
}

/** A set of positions of a stream in which nearly everything up to some point is there. */
export class Positions {
  readonly #upTo: number;
  /** Ascending, apart from each other, all behind upTo. */
  readonly #runs: readonly Run[];

  private constructor(upTo: number, runs: Run[]) {
    const [first] = runs;
    const joins = first !== undefined && first.from <= upTo + 1;
    this.#upTo = joins ? Math.max(upTo, first.to) : upTo;
    this.#runs = joins ? runs.slice(1) : runs;
  }

  static none(): Positions {
    return new Positions(0, []);
  }

  static of({ upTo, runs = '' }: CountedPositions): Positions {
    let at = upTo;
    const parsed = runs.split(',').flatMap((run) => {
      const [skip = 0, take = 0] = run.split('+').map(Number);
      if (!(skip > 0 && take > 0)) return [];
      const from = at + skip + 1;
      at = from + take - 1;
      return [{ from, to: at }];
    });
    return new Positions(upTo, parsed);
  }

  has(position: number): boolean {
    if (position <= this.#upTo) return true;
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle] as Run).to < position) low = middle + 1;
      else high = middle;
    }
    return (this.#runs[low]?.from ?? Infinity) <= position;
  }

  with(positions: Iterable<number>): Positions {
    const behind = [...positions].filter((position) => position > this.#upTo);
    const runs = [...this.#runs, ...behind.map((position) => ({ from: position, to: position }))];
    return new Positions(this.#upTo, joined(runs));
  }

  /** With all positions up to this one. */
  withAllUpTo(upTo: number): Positions {
    if (upTo <= this.#upTo) return this;
    const rest = this.#runs
      .filter(({ to }) => to > upTo)
      .map(({ from, to }) => ({ from: Math.max(from, upTo + 1), to }));
    return new Positions(upTo, rest);
  }

  toJSON(): CountedPositions {
    if (this.#runs.length > MAX_RUNS) return this.withAllUpTo(this.#runs.at(-MAX_RUNS)?.to ?? 0).toJSON();
    let at = this.#upTo;
    const runs = this.#runs.map(({ from, to }) => {
      const skip = from - at - 1;
      at = to;
      return `${skip}+${to - from + 1}`;
    });
    return { upTo: this.#upTo, ...(runs.length > 0 && { runs: runs.join(',') }) };
  }
}

function joined(runs: Run[]): Run[] {
  const result: Run[] = [];
  for (const { from, to } of runs.sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

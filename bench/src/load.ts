import { type CheckAnswer, checkFloor } from './answers.ts';
import { RawConnection } from './raw-connection.ts';
import { ReviewSource } from './reviews.ts';
import type { Variant } from './workloads.ts';

export interface LoadOptions {
  port: number;
  ca: Buffer;
  connections: number;
  /** Each review is posted to these in turn. */
  paths: string[];
  variants: readonly Variant[];
  /** The answers are the floor's. */
  floor: boolean;
}

export interface Burst {
  reviews: number;
  seconds: number;
}

/** A closed loop: each connection posts its next review as soon as the last one was answered. */
export class Load {
  readonly #options: LoadOptions;
  readonly #workers: { connection: RawConnection; source: ReviewSource }[];

  private constructor(options: LoadOptions, connections: RawConnection[]) {
    this.#options = options;
    this.#workers = connections.map((connection) => ({ connection, source: new ReviewSource(options.variants) }));
  }

  static async open(options: LoadOptions): Promise<Load> {
    const { connections, port, ca } = options;
    return new Load(
      options,
      await Promise.all(Array.from({ length: connections }, () => RawConnection.open(port, ca))),
    );
  }

  /** Goes on until the time is over; what was begun is finished and counted. Rejects for a wrong answer. */
  forMs(durationMs: number): Promise<Burst> {
    const end = performance.now() + durationMs;
    return this.#until(() => performance.now() >= end);
  }

  /** So many reviews. */
  forReviews(count: number): Promise<Burst> {
    let begun = 0;
    return this.#until(() => begun++ >= count);
  }

  close(): void {
    for (const { connection } of this.#workers) connection.close();
  }

  async #until(over: () => boolean): Promise<Burst> {
    const startMs = performance.now();
    let reviews = 0;
    const work = this.#workers.map(async ({ connection, source }) => {
      while (!over()) {
        await this.#review(connection, source);
        reviews++;
      }
    });
    await Promise.all(work);
    return { reviews, seconds: (performance.now() - startMs) / 1000 };
  }

  async #review(connection: RawConnection, source: ReviewSource): Promise<void> {
    const { body, uid, check } = source.next();
    const checked: CheckAnswer = this.#options.floor ? checkFloor : check;
    for (const path of this.#options.paths) checked(await connection.post(path, body), uid);
  }
}

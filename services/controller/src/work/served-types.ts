import type { Cluster, ResourceType } from '@jspolicy/kube';

/** All policies are looked at one after the other: they may share one answer. */
const FRESH_MS = 5_000;

/** What the cluster serves, asked for anew when the last answer is a few seconds old. */
export class ServedTypes {
  readonly #cluster: Pick<Cluster, 'types'>;
  #reading: Promise<ResourceType[]> | undefined;
  #readAtMs = 0;

  constructor(cluster: Pick<Cluster, 'types'>) {
    this.#cluster = cluster;
  }

  /** Throws KubeError. */
  read(signal: AbortSignal): Promise<ResourceType[]> {
    if (this.#reading && performance.now() - this.#readAtMs < FRESH_MS) return this.#reading;
    this.#readAtMs = performance.now();
    const reading = this.#cluster.types({ signal });
    this.#reading = reading;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }
}

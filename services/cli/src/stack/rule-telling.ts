import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import { type Cluster, ruleWarnings } from '@jspolicy/kube';

export interface RuleTellingOptions {
  cluster: Pick<Cluster, 'types'>;
  /** Whether the cluster tells all that it serves; a directory of manifests does not. */
  complete: boolean;
  onLine(line: string): void;
}

/** Tells what of a policy's rule covers nothing: once for each text, until the policy is gone. */
export class RuleTelling {
  readonly #options: RuleTellingOptions;
  readonly #told = new Map<string, string>();
  #looking: Promise<void> = Promise.resolve();

  constructor(options: RuleTellingOptions) {
    this.#options = options;
  }

  /** Resolves when it was told; one policy is looked at after the other. */
  look(policies: readonly KubeObject[]): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(policies));
    return this.#looking;
  }

  forget(policy: string): void {
    this.#told.delete(policy);
  }

  async #look(policies: readonly KubeObject[]): Promise<void> {
    const { cluster, complete, onLine } = this.#options;
    // Advice alone: where the cluster does not answer, what it is asked for otherwise says so.
    const types = await cluster.types({ signal: AbortSignal.timeout(READ_MS) }).catch(() => undefined);
    if (!types) return;
    for (const { metadata, spec } of policies as JsPolicy[]) {
      const text = ruleWarnings(spec, { types, complete }).join('; ');
      if (text !== '' && this.#told.get(metadata.name) !== text) onLine(`${metadata.name}: warning: ${text}`);
      this.#told.set(metadata.name, text);
    }
  }
}

const READ_MS = 5_000;

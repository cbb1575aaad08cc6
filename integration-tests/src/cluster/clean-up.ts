import { get, helm, kubectl } from './command.ts';
import { LOOP_NAMESPACE, NAMESPACE, RELEASE, webhooks } from './engine.ts';

/** Their CustomResourceDefinitions. */
export const KINDS = ['jspolicies', 'jspolicybundles', 'jspolicyviolations', 'violationsinks'].map(
  (plural) => `${plural}.policy.jspolicy.com`,
);

const WEBHOOKS = 'validatingwebhookconfigurations,mutatingwebhookconfigurations';

/** Removes what a run made; what was there before stays. */
export class CleanUp {
  readonly #hadKinds: boolean;

  private constructor(hadKinds: boolean) {
    this.#hadKinds = hadKinds;
  }

  /** Notes what is there. */
  static async begin(): Promise<CleanUp> {
    const { items } = await get('customresourcedefinitions');
    const names = items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    return new CleanUp(KINDS.some((name) => names.includes(name)));
  }

  /** Throws, when all is removed, for webhook configurations that an uninstallation left: they would block the cluster. */
  async run(): Promise<void> {
    await helm('uninstall', RELEASE, '-n', NAMESPACE, '--ignore-not-found', '--wait', '--timeout', '5m');
    const left = await webhooks();
    if (left.length > 0) await kubectl('delete', WEBHOOKS, ...left, '--ignore-not-found');
    await this.#removeObjects();
    if (left.length > 0) throw new Error(`helm uninstall left webhook configurations: ${left.join(', ')}`);
  }

  async #removeObjects(): Promise<void> {
    await kubectl('delete', 'namespace', NAMESPACE, LOOP_NAMESPACE, '--ignore-not-found', '--timeout=5m');
    if (!this.#hadKinds) return void (await kubectl('delete', 'crd', ...KINDS, '--ignore-not-found', '--timeout=5m'));
    for (const kind of [KINDS[0], KINDS[3]] as string[]) {
      const { items } = await get(kind);
      for (const { metadata } of items)
        if (metadata.name.endsWith('.loop.example')) await kubectl('delete', kind, metadata.name);
    }
  }
}

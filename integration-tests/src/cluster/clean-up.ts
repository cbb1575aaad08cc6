import { get, helm, kubectl } from './command.ts';
import { LOOP_NAMESPACE, NAMESPACE, RELEASE } from './engine.ts';

/** Their CustomResourceDefinitions. */
export const KINDS = ['jspolicies', 'jspolicybundles', 'jspolicyviolations', 'violationsinks'].map(
  (plural) => `${plural}.policy.jspolicy.com`,
);

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

  async run(): Promise<void> {
    await helm('uninstall', RELEASE, '-n', NAMESPACE, '--ignore-not-found', '--wait', '--timeout', '5m');
    await kubectl('delete', 'namespace', NAMESPACE, LOOP_NAMESPACE, '--ignore-not-found', '--timeout=2m');
    if (!this.#hadKinds) return void (await kubectl('delete', 'crd', ...KINDS, '--ignore-not-found', '--timeout=2m'));
    for (const kind of [KINDS[0], KINDS[3]] as string[]) {
      const { items } = await get(kind);
      for (const { metadata } of items)
        if (metadata.name.endsWith('.loop.example')) await kubectl('delete', kind, metadata.name);
    }
  }
}

import { isDeepStrictEqual } from 'node:util';
import { API_GROUP, type KubeObject } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import type { Mirror } from './mirror.ts';
import { MUTATING, VALIDATING } from './resource-types.ts';
import {
  clientConfig,
  entriesOf,
  isSameEntry,
  keepingWhatStays,
  trustedBy,
  type WebhookTarget,
  withInjection,
} from './webhook-configuration.ts';
import type { Writes } from './writes.ts';

/** Of both configurations. */
export const OWN_WEBHOOKS = 'jspolicy';

/** The API server waits for so long before it goes on to the schema: the gateway answers in milliseconds or not at all. */
const BEFORE_SCHEMA_SECONDS = 3;
const COMPLETE_SECONDS = 10;

/**
 * Keeps the configurations by which the API server asks about the engine's own kinds. The validating one decides. The
 * mutating one is asked before the API server holds an object against the schema, so that users read the texts that
 * they know; when nobody answers it, schema and validating one judge alone.
 */
export class OwnWebhooks {
  readonly #writes: Writes;
  readonly #target: () => WebhookTarget;
  readonly #kept: { type: ResourceType; mirror: Mirror<KubeObject> }[];

  constructor(
    writes: Writes,
    target: () => WebhookTarget,
    mirrors: { validating: Mirror<KubeObject>; mutating: Mirror<KubeObject> },
  ) {
    this.#writes = writes;
    this.#target = target;
    this.#kept = [
      { type: VALIDATING, mirror: mirrors.validating },
      { type: MUTATING, mirror: mirrors.mutating },
    ];
  }

  /**
   * Creates or mends both; writes nothing when nothing differs. Labels and annotations are those of whoever installs.
   * Returns how many were written.
   */
  async ensure(): Promise<number> {
    let count = 0;
    for (const { type, mirror } of this.#kept) {
      const existing = mirror.get(OWN_WEBHOOKS);
      const target = this.#target();
      if (!existing && target.keepsAddress) continue;
      const desired = ownConfiguration(type, target, existing);
      if (existing && isSameConfiguration(existing, desired)) continue;
      await this.#write(type, mirror, existing, desired);
      count += 1;
    }
    return count;
  }

  /** The authorities that they trust, PEM. */
  trusted(): string {
    return this.#kept.map(({ mirror }) => trustedBy(mirror.get(OWN_WEBHOOKS) ?? NONE)).join('\n');
  }

  async #write(type: ResourceType, mirror: Mirror<KubeObject>, existing: KubeObject | undefined, object: KubeObject) {
    const written = existing ? await this.#writes.update(type, object) : await this.#writes.create(type, object);
    mirror.remember(written, existing?.metadata.resourceVersion);
  }
}

const NONE: KubeObject = { apiVersion: '', kind: '', metadata: { name: OWN_WEBHOOKS } };

function ownConfiguration(type: ResourceType, target: WebhookTarget, existing: KubeObject | undefined): KubeObject {
  const metadata = existing?.metadata ?? { name: OWN_WEBHOOKS };
  const desired = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: type.kind,
    metadata: { ...metadata, ...withInjection(metadata.annotations, target) },
    webhooks: [ownEntry(type, target)],
  };
  return existing ? keepingWhatStays(existing, desired, target) : desired;
}

function isSameConfiguration(existing: KubeObject, desired: KubeObject): boolean {
  const [entries, wanted] = [entriesOf(existing), entriesOf(desired)];
  return (
    entries.length === 1 &&
    isSameEntry(entries[0], wanted[0] ?? {}) &&
    isDeepStrictEqual(existing.metadata.annotations, desired.metadata.annotations)
  );
}

/** Complete: the API server has nothing to add by default. */
function ownEntry(type: ResourceType, target: WebhookTarget): Record<string, unknown> {
  const isMutating = type.kind === MUTATING.kind;
  return {
    name: 'jspolicy.jspolicy.com',
    clientConfig: clientConfig(isMutating ? '/crds/before-schema' : '/crds', target),
    rules: [
      {
        apiGroups: [API_GROUP],
        apiVersions: ['v1beta1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['*'],
        scope: '*',
      },
    ],
    failurePolicy: isMutating ? 'Ignore' : 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    sideEffects: 'None',
    timeoutSeconds: isMutating ? BEFORE_SCHEMA_SECONDS : COMPLETE_SECONDS,
    admissionReviewVersions: ['v1', 'v1beta1'],
    // What is being deleted loses its finalizers by updates: they must pass when nobody answers any more.
    matchConditions: [{ name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' }],
    ...(isMutating && { reinvocationPolicy: 'Never' }),
  };
}

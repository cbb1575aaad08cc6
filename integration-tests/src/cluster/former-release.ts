import { resolve } from 'node:path';
import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import type { Cluster, ResourceType } from '@jspolicy/kube';
import { waitFor } from '@jspolicy/testing';
import {
  certificateOfAge,
  certificateSecret,
  FORMER_KINDS,
  formerBundle,
  formerKind,
  formerWebhook,
} from '../former-engine.ts';
import { KINDS } from './clean-up.ts';
import { helm, kubectl } from './command.ts';
import { LOOP_NAMESPACE, NAMESPACE, POLICIES, RELEASE } from './engine.ts';
import { DENYING, LOOP_POLICIES } from './request-loop.ts';

const CHART = resolve(import.meta.dirname, '../../src/cluster/former-chart');
const ADMISSION = 'admissionregistration.k8s.io';

const kind = (group: string, version: string, name: string, resource: string, namespaced = false): ResourceType => ({
  group,
  version,
  kind: name,
  resource,
  namespaced,
});
const DEFINITIONS = kind('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions');
const BUNDLES = { ...POLICIES, kind: 'JsPolicyBundle', resource: 'jspolicybundles' };
const SECRETS = kind('', 'v1', 'Secret', 'secrets', true);

/** A release of jsPolicy's chart with everything that jsPolicy makes of the loop's policies, in place of this engine. */
export async function makeFormer(cluster: Cluster, tag: string): Promise<void> {
  await removeOurs();
  for (const file of FORMER_KINDS) await cluster.create(DEFINITIONS, formerKind(file));
  const dnsNames = [`jspolicy.${NAMESPACE}.svc`];
  const pair = await certificateOfAge(30, { dnsNames, ipAddresses: [], validDays: 3650 });
  await cluster.create(SECRETS, certificateSecret(pair, NAMESPACE));
  await helm('install', RELEASE, CHART, '-n', NAMESPACE, '--wait', '--timeout', '2m', '--set', `image=jspolicy:${tag}`);
  for (const policy of LOOP_POLICIES) await makePolicy(cluster, policy, pair.ca);
}

async function removeOurs(): Promise<void> {
  await helm('uninstall', RELEASE, '-n', NAMESPACE, '--ignore-not-found', '--wait', '--timeout', '5m');
  await kubectl('delete', 'secret,pvc', '--all', '-n', NAMESPACE, '--timeout=2m');
  await kubectl('delete', 'configmap', '--all', '-n', LOOP_NAMESPACE);
  await kubectl('delete', 'crd', ...KINDS, '--ignore-not-found', '--timeout=2m');
}

/** Ignore: where nobody answers, what should be denied is let through, and counted. */
async function makePolicy(cluster: Cluster, policy: KubeObject, ca: string): Promise<void> {
  const spec = { ...(policy['spec'] as object), ...(policy.metadata.name === DENYING && { failurePolicy: 'Ignore' }) };
  const created = async () => (await cluster.create(POLICIES, { ...policy, spec })) as unknown as JsPolicy;
  const made = await waitFor(created, { what: `${policy.metadata.name} to be taken`, pollMs: 500 });
  await cluster.create(BUNDLES, formerBundle(made, made.spec.javascript ?? '') as unknown as KubeObject);
  const webhook = formerWebhook(made, 'yaacp', { ca, namespace: NAMESPACE });
  const plural = `${webhook.kind.toLowerCase()}s`;
  await cluster.create(kind(ADMISSION, 'v1', webhook.kind, plural), webhook as unknown as KubeObject);
}

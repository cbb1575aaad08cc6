import { randomUUID } from 'node:crypto';
import { type Bus, connectBus } from '@jspolicy/bus';
import { connectApiServer, installCrds } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import {
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  type TestProcess,
  waitFor,
} from '@jspolicy/testing';
import { progress } from '../progress.ts';
import type { Resources } from '../resources.ts';
import { W2 } from '../workloads.ts';
import { EventReceiver } from './event-receiver.ts';
import { armMain, CRDS_DIR, serviceMain, startService } from './service-process.ts';
import { type PublishTask, publishSubject } from './violation-publisher.ts';

export const PUBLISHERS = 4;
const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const SINK = 'bench';
/** Far above what the slowest part takes. */
const PART_TIMEOUT_MS = 20 * 60_000;
const POLL_MS = 100;

/** One audit process with an API server and a sink; publishers; and a NATS server beside it that nobody reads. */
export interface AuditArm {
  /** Nobody reads the record of this server. */
  readonly quietServers: string;
  /** Audit reads the record of this one. */
  readonly servers: string;
  /** Each of the first so many publishers publishes its part of the events. Resolves when all are acknowledged. */
  publish(publishers: number, events: number, task: Pick<PublishTask, 'client' | 'servers'>): Promise<void>;
  /** Violations that the statuses count. */
  inStatus(): Promise<number>;
  /** Events that the sink's server got. */
  inSink(): number;
  /** Another audit process; it goes on where the last one was. */
  startAudit(): Promise<TestProcess>;
  stopAudit(): Promise<void>;
}

export async function startAuditArm(resources: Resources): Promise<AuditArm> {
  progress('audit: starting etcd, kube-apiserver and two nats-servers');
  const kube = await kubeForTest();
  await resources.add(kube, () => kube.stop());
  const [nats, quiet] = await Promise.all([natsForTest(), natsForTest()]);
  for (const each of [nats, quiet]) await resources.add(each, () => each.stop());
  const receiver = await resources.add(await new EventReceiver().start(), (each) => each.stop());
  await makeObjects(kube, receiver.url);
  const bus = await connectBus({
    servers: quiet.url,
    name: 'bench',
    log: createLogger({ service: 'bench', level: 'silent' }),
  });
  await resources.add(bus, () => bus.close());
  await bus.ensureTopology();
  for (let id = 0; id < PUBLISHERS; id++) {
    const env = { NATS_URL: quiet.url, PUBLISHER_ID: String(id) };
    await resources.add(await startService({ main: armMain('violation-publisher'), env }), (child) => child.stop());
  }
  let audit: TestProcess | undefined;
  const arm: AuditArm = {
    quietServers: quiet.url,
    servers: nats.url,
    publish: (publishers, events, task) => publish(bus, publishers, events, task),
    inStatus: () => countedIn(kube),
    inSink: () => receiver.received,
    async startAudit() {
      const env = { NATS_URL: nats.url, KUBECONFIG: kube.kubeconfigPath };
      audit = await resources.add(await startService({ main: serviceMain('audit'), env }), (child) => child.stop());
      return audit;
    },
    async stopAudit() {
      await audit?.stop();
    },
  };
  await arm.startAudit();
  await untilServed(kube);
  return arm;
}

export const policyOf = (publisher: number): string => `audit-${publisher}.bench.jspolicy.com`;

async function makeObjects(kube: KubeApiServer, url: string): Promise<void> {
  const log = createLogger({ service: 'bench', level: 'silent' });
  const cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  await installCrds(cluster, CRDS_DIR);
  await cluster.close();
  for (let id = 0; id < PUBLISHERS; id++) await create(kube, 'jspolicies', W2.policy(policyOf(id)));
  await create(kube, 'violationsinks', {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'ViolationSink',
    metadata: { name: SINK },
    spec: { type: 'webhook', from: 'All', webhook: { url, mode: 'batched' } },
  });
}

async function create(kube: KubeApiServer, plural: string, object: object): Promise<void> {
  const { status, body } = await kubeRequest(kube, 'POST', `${KINDS}/${plural}`, object);
  if (status !== 201) throw new Error(`${plural}: HTTP ${status}: ${JSON.stringify(body)}`);
}

async function untilServed(kube: KubeApiServer): Promise<void> {
  const served = async () => {
    const { body } = await kubeRequest(kube, 'GET', `${KINDS}/violationsinks/${SINK}`);
    return body.status?.conditions?.[0]?.reason === 'Delivering';
  };
  await waitFor(served, { what: 'the sink to be served', timeoutMs: 60_000 });
}

async function countedIn(kube: KubeApiServer): Promise<number> {
  const { body } = await kubeRequest(kube, 'GET', `${KINDS}/jspolicyviolations`);
  const totals: number[] = body.items.map(
    (each: { status?: { totals?: { violations: number } } }) => each.status?.totals?.violations ?? 0,
  );
  return totals.reduce((sum, each) => sum + each, 0);
}

async function publish(bus: Bus, publishers: number, events: number, task: Pick<PublishTask, 'client' | 'servers'>) {
  const count = Math.ceil(events / publishers);
  const asked = Array.from({ length: publishers }, (_, id) => {
    const body = new TextEncoder().encode(JSON.stringify({ ...task, id: randomUUID(), policy: policyOf(id), count }));
    return bus.request(publishSubject(id), body, { deadlineMs: PART_TIMEOUT_MS });
  });
  for (const { status, body } of await Promise.all(asked))
    if (status !== 200) throw new Error(`a publisher answered ${status}: ${new TextDecoder().decode(body)}`);
}

/** Resolves with the milliseconds until the count is reached. */
export async function untilCounted(
  what: string,
  wanted: number,
  count: () => number | Promise<number>,
): Promise<number> {
  const startMs = performance.now();
  await waitFor(async () => (await count()) >= wanted, { what, timeoutMs: PART_TIMEOUT_MS, pollMs: POLL_MS });
  return performance.now() - startMs;
}

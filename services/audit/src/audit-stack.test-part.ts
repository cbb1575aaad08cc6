import { resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import {
  AUDIT_CONSUMER,
  VIOLATION_EVENT_TYPE,
  VIOLATIONS_STREAM,
  type ViolationEvent,
  violationSubject,
} from '@jspolicy/contracts';
import { connectApiServer, installCrds } from '@jspolicy/kube';
import { policyRecord } from '@jspolicy/policy';
import { createLogger } from '@jspolicy/runtime';
import {
  freePort,
  type KubeAnswer,
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  startProcess,
  type TestNats,
  type TestProcess,
  waitFor,
} from '@jspolicy/testing';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');
const CRDS = resolve(import.meta.dirname, '../../../k8s/crds');
export const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const log = createLogger({ service: 'test', level: 'silent' });

export const event = (policy: string, number: number): ViolationEvent => ({
  specversion: '1.0',
  id: `${number}.${policy}`,
  source: '/clusters/test',
  type: VIOLATION_EVENT_TYPE,
  subject: 'v1/Pod/default/web',
  time: '2026-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
  data: {
    policy,
    policyUid: 'uid',
    revision: 1,
    type: 'Validating',
    action: 'Deny',
    code: 403,
    reason: 'Forbidden',
    message: `violation ${number}`,
    request: {
      uid: `${number}`,
      operation: 'CREATE',
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'default',
      name: 'web',
    },
    user: { username: 'alice', uid: 'alice-uid', groups: ['system:authenticated'] },
    object: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web' },
    dryRun: false,
    evaluator: 'evaluator-1',
  },
});

/** A real API server with the kinds, nats-server and one audit process. */
export async function startStack(env: NodeJS.ProcessEnv = {}): Promise<AuditStack> {
  const [kube, nats] = await Promise.all([kubeForTest(), natsForTest()]);
  const bus = await connectBus({ servers: nats.url, name: 'test', log });
  const cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  await installCrds(cluster, CRDS);
  await cluster.close();
  const stack = new AuditStack({ kube, nats, bus, healthPort: await freePort(), env });
  await stack.startFirst();
  return stack;
}

interface StackParts {
  kube: KubeApiServer;
  nats: TestNats;
  bus: Bus;
  healthPort: number;
  /** Settings of all audit processes. */
  env: NodeJS.ProcessEnv;
}

export class AuditStack {
  readonly bus: Bus;
  readonly kube: KubeApiServer;
  readonly #parts: StackParts;
  readonly #started: TestProcess[] = [];
  #ids = 0;

  constructor(parts: StackParts) {
    this.#parts = parts;
    this.bus = parts.bus;
    this.kube = parts.kube;
  }

  get first(): TestProcess {
    return this.#started[0] as TestProcess;
  }

  /** Lines of the first process. */
  get lines(): readonly string[] {
    return this.#started[0]?.lines ?? [];
  }

  get processes(): readonly TestProcess[] {
    return this.#started;
  }

  /** As a crash does; the streams are kept. */
  restartNats(): Promise<void> {
    return this.#parts.nats.restart();
  }

  /** As a crash does; restartNats() brings it back. */
  killNats(): void {
    this.#parts.nats.kill('SIGKILL');
  }

  /** With its place in the stream, by the API that JetStream itself has. */
  async deleteConsumer(): Promise<void> {
    const subject = `$JS.API.CONSUMER.DELETE.${VIOLATIONS_STREAM}.${AUDIT_CONSUMER}`;
    const { body } = await this.bus.request(subject, new Uint8Array(), { deadlineMs: 60_000 });
    const text = new TextDecoder().decode(body);
    if (!text.includes('"success":true')) throw new Error(text);
  }

  startFirst(): Promise<TestProcess> {
    return this.startAudit(this.#parts.healthPort);
  }

  async startAudit(port = 0): Promise<TestProcess> {
    const { nats, kube, env } = this.#parts;
    const child = await startProcess(process.execPath, [MAIN], {
      env: { NATS_URL: nats.url, KUBECONFIG: kube.kubeconfigPath, HEALTH_PORT: String(port), ...env },
      readyWhen: /"msg":"ready"/,
    });
    this.#started.push(child);
    return child;
  }

  /** Of the first process. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#parts.healthPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  call(method: string, path: string, body?: unknown): Promise<KubeAnswer> {
    return kubeRequest(this.kube, method, path, body);
  }

  /** A policy in the API server and its record, as the controller makes it. */
  async makePolicy(name: string, spec: object = {}, annotations: Record<string, string> = {}) {
    const { body } = await this.call('POST', `${KINDS}/jspolicies`, {
      apiVersion: 'policy.jspolicy.com/v1beta1',
      kind: 'JsPolicy',
      metadata: { name, annotations },
      spec: { operations: ['CREATE'], resources: ['pods'], javascript: 'deny()', ...spec },
    });
    await this.bus.policies.put(policyRecord(body));
    return body;
  }

  async publish(policy: string, body: unknown): Promise<void> {
    await this.publishBytes(policy, new TextEncoder().encode(JSON.stringify(body)));
  }

  async publishBytes(policy: string, body: Uint8Array): Promise<void> {
    await this.bus.publish(violationSubject(policy), body, { id: `id-${this.#ids++}`, timeoutMs: 60_000 });
  }

  async publishMany(policy: string, from: number, count: number): Promise<void> {
    for (let number = from; number < from + count; number++) await this.publish(policy, event(policy, number));
  }

  async violationsOf(policy: string) {
    return (await this.call('GET', `${KINDS}/jspolicyviolations/${policy}`)).body;
  }

  async messagesOf(policy: string): Promise<string[]> {
    const { status } = await this.violationsOf(policy);
    return (status?.violations ?? []).map(({ message }: { message: string }) => message);
  }

  async untilLatest(policy: string, number: number): Promise<void> {
    await waitFor(async () => (await this.messagesOf(policy)).at(-1) === `violation ${number}`, {
      what: `violation ${number} of ${policy}`,
    });
  }

  async stop(): Promise<void> {
    const { bus, nats, kube } = this.#parts;
    await Promise.all(this.#started.map((child) => child.stop()));
    await bus.close();
    await nats.stop();
    await kube.stop();
  }
}

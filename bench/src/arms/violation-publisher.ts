import { type Bus, connectBus, connectPublisher, type Publisher, type Running } from '@jspolicy/bus';
import { type ViolationEvent, violationSubject } from '@jspolicy/contracts';
import { type Logger, loadConfig, type Service, type ServiceContext, text } from '@jspolicy/runtime';

/** Where publisher `id` is told what to publish. */
export const publishSubject = (id: number): string => `bench.v1.publish.${id}`;

export interface PublishTask {
  /** A request that is repeated on the way is the same task. */
  id: string;
  /** NATS servers. */
  servers: string;
  /**
   * raw: the client of NATS publishes one text over and over. engine: what an evaluator does for a violation, from the event
   * on. Both with an id, and each acknowledged by the stream.
   */
  client: 'raw' | 'engine';
  policy: string;
  count: number;
}

/** As many reviews as an evaluator may have waiting for the stream. */
const IN_FLIGHT = 64;
const PUBLISH_TIMEOUT_MS = 10_000;

type Publish = (event: ViolationEvent) => Promise<unknown>;

const settings = {
  natsUrl: text({ env: 'NATS_URL', describe: 'NATS servers' }),
  id: text({ env: 'PUBLISHER_ID', describe: 'which publisher this is' }),
};

/** A process that publishes violations when it is told to, and answers when the stream has them all. */
export function createViolationPublisher({ env, log }: ServiceContext): Service {
  const config = loadConfig(settings, env);
  const targets = new Targets(log);
  let bus: Bus | undefined;
  let serving: Running | undefined;
  const tasks = new Map<string, Promise<void>>();
  return {
    async start() {
      bus = await connectBus({ servers: config.natsUrl, name: 'publisher', log });
      serving = bus.serve(publishSubject(Number(config.id)), 'publishers', async ({ body }) => {
        const task = JSON.parse(new TextDecoder().decode(body)) as PublishTask;
        const done = tasks.get(task.id) ?? publishAll(task, targets);
        tasks.set(task.id, done);
        await done;
        return { status: 200, body: new Uint8Array(), headers: {} };
      });
    },
    async stop() {
      await serving?.stop();
      await targets.close();
      await bus?.close();
    },
  };
}

async function publishAll(task: PublishTask, targets: Targets): Promise<void> {
  const publish = await targets.open(task);
  let published = 0;
  const worker = async () => {
    while (published < task.count) await publish(violation(task.policy, `${task.id}-${published++}`));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

/** Connections, each made once. */
class Targets {
  readonly #log: Logger;
  readonly #open = new Map<string, Promise<Publish>>();
  readonly #connections: (Bus | Publisher)[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  open({ servers, client, policy }: PublishTask): Promise<Publish> {
    const key = `${client} ${servers} ${policy}`;
    const opened = this.#open.get(key) ?? (client === 'raw' ? this.#raw(servers, policy) : this.#engine(servers));
    this.#open.set(key, opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
  }

  async #raw(servers: string, policy: string): Promise<Publish> {
    const publisher = await connectPublisher({ servers, signal: AbortSignal.timeout(PUBLISH_TIMEOUT_MS) });
    this.#connections.push(publisher);
    const body = JSON.stringify(violation(policy, 'the-same-in-all-of-them'));
    const subject = violationSubject(policy);
    return ({ id }) => publisher.publish(subject, body, { id, jetStream: true, timeoutMs: PUBLISH_TIMEOUT_MS });
  }

  async #engine(servers: string): Promise<Publish> {
    const bus = await connectBus({ servers, name: 'publisher', log: this.#log });
    this.#connections.push(bus);
    const encoder = new TextEncoder();
    return (event) =>
      bus.publish(violationSubject(event.data.policy), encoder.encode(JSON.stringify(event)), {
        id: event.id,
        timeoutMs: PUBLISH_TIMEOUT_MS,
      });
  }
}

/** As an evaluator makes it. */
function violation(policy: string, uid: string): ViolationEvent {
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-5d9c7b9f6d-x2x7q' };
  return {
    specversion: '1.0',
    id: `${uid}.${policy}.1`,
    source: '/clusters/bench',
    type: 'com.jspolicy.policy.violation.v1',
    subject: 'v1/Pod/shop/web-5d9c7b9f6d-x2x7q',
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: {
      policy,
      policyUid: '5f1c3c1e-3f0f-4c43-9a53-1f7a2d5b8e11',
      revision: 1,
      type: 'Validating',
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: 'container app-4: image registry.example.org/unknown/app:1.0 is not from an allowed registry',
      request: { uid, operation: 'CREATE', ...pod },
      user: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      object: pod,
      dryRun: false,
      evaluator: 'evaluator-0',
    },
  };
}

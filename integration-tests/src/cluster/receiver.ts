import type { Cluster } from '@jspolicy/kube';
import { waitFor } from '@jspolicy/testing';
import { get, kubectl } from './command.ts';
import { LOOP_NAMESPACE } from './engine.ts';
import { DENYING } from './request-loop.ts';

const NAME = 'receiver';
const PORT = 8080;
export const SINK = 'receiver.loop.example';

/** Notes the id of each event that is posted, and how often it came; tells them all when it is asked. */
const PROGRAM = `
const seen = new Map();
require('node:http')
  .createServer(async (asked, answer) => {
    let text = '';
    for await (const part of asked) text += part;
    if (asked.method === 'POST') for (const { id } of [JSON.parse(text)].flat()) seen.set(id, (seen.get(id) ?? 0) + 1);
    answer.end(asked.method === 'POST' ? '' : JSON.stringify([...seen]));
  })
  .listen(${PORT});
`;

const metadata = { name: NAME, namespace: LOOP_NAMESPACE, labels: { app: NAME } };
const pod = (tag: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata,
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: NAME,
        image: `jspolicy:${tag}`,
        args: ['--input-type=commonjs', '--eval', PROGRAM],
        ports: [{ containerPort: PORT }],
      },
    ],
  },
});
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { selector: metadata.labels, ports: [{ port: PORT }] },
};
const sink = {
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'ViolationSink',
  metadata: { name: SINK },
  spec: {
    type: 'webhook',
    from: 'All',
    filter: { policies: [DENYING] },
    webhook: { url: `http://${NAME}.${LOOP_NAMESPACE}.svc:${PORT}/`, mode: 'batched' },
  },
};

const core = (kind: string, resource: string) => ({ group: '', version: 'v1', kind, resource, namespaced: true });
const SINKS = {
  group: 'policy.jspolicy.com',
  version: 'v1beta1',
  kind: 'ViolationSink',
  resource: 'violationsinks',
  namespaced: false,
};

/** A Pod outside of the engine that a webhook sink sends to. */
export async function startReceiver(cluster: Cluster, tag: string): Promise<void> {
  await cluster.create(core('Pod', 'pods'), pod(tag));
  await cluster.create(core('Service', 'services'), service);
  await cluster.create(SINKS, sink);
  await waitFor(answers, { what: 'the receiver', timeoutMs: 120_000, pollMs: 500 });
}

const answers = (): Promise<boolean> => received().then(() => true);

/** Ids of the events that came, and how often each did. */
export async function received(): Promise<Map<string, number>> {
  const path = `/api/v1/namespaces/${LOOP_NAMESPACE}/services/${NAME}:${PORT}/proxy/`;
  return new Map(JSON.parse(await kubectl('get', '--raw', path)));
}

/** The node that must not be taken away: what was received is in memory there. */
export async function receiverNode(): Promise<string> {
  return (await get('pod', NAME, '-n', LOOP_NAMESPACE)).spec.nodeName;
}

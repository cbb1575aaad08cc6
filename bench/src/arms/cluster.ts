import { readFileSync } from 'node:fs';
import { type KubeApiServer, kubeForTest } from '@jspolicy/testing';
import { KeepAliveClient } from '../keep-alive-client.ts';
import type { BenchOptions } from '../options.ts';
import { progress } from '../progress.ts';
import type { Resources } from '../resources.ts';
import { type Engine, startEngine } from './engine.ts';
import { startGround } from './ground.ts';

export interface ClusterAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer of the API server, of which a field or two are read.
  body: any;
}

/** A real API server with the engine behind it, and one connection to it. */
export interface ClusterArm {
  readonly kube: KubeApiServer;
  readonly engine: Engine;
  call(method: string, path: string, object?: unknown): Promise<ClusterAnswer>;
  /** Creates a Pod without storing it. Resolves with the status and the text of the answer. */
  createPod(namespace: string, body: Buffer): Promise<{ status: number; text: string }>;
}

export async function startClusterArm(resources: Resources, options: BenchOptions): Promise<ClusterArm> {
  progress('starting etcd, kube-apiserver and the engine');
  const ground = await startGround(resources);
  const kube = await kubeForTest();
  await resources.add(kube, () => kube.stop());
  const engine = await startEngine(resources, { ...ground, ...options, cluster: { kube } });
  const client = new KeepAliveClient({
    port: kube.port,
    ca: readFileSync(kube.caFile),
    headers: { authorization: `Bearer ${kube.token}` },
  });
  await resources.add(client, () => client.close());
  return {
    kube,
    engine,
    async call(method, path, object) {
      const body = object === undefined ? undefined : Buffer.from(JSON.stringify(object));
      const { status, text } = await client.send(method, path, body);
      return { status, body: JSON.parse(text) };
    },
    createPod: (namespace, body) => client.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, body),
  };
}

import { kubectl } from '../command.ts';
import { parts, pods, RELEASE, settled } from '../engine.ts';
import { receiverNode } from '../receiver.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** A node is drained, as before its maintenance, and comes back. */
export async function drainNode({ natsReplicas }: ScenarioContext): Promise<string> {
  const node = await nodeToTake();
  if (node === undefined) return 'not run: the engine is on one node only';
  const moved = (await pods()).filter((pod) => pod.node === node).length;
  const began = Date.now();
  try {
    await kubectl(
      'drain',
      node,
      '--pod-selector',
      `app.kubernetes.io/instance=${RELEASE}`,
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--timeout=5m',
    );
  } finally {
    await kubectl('uncordon', node);
  }
  const drained = Math.round((Date.now() - began) / 1000);
  for (const [component, count] of parts(natsReplicas)) await settled(component, count);
  return `${node} drained of ${moved} Pods in ${drained} s, all back after ${Math.round((Date.now() - began) / 1000)} s`;
}

/** The node with most Pods of the engine, but not the one where the receiver counts. */
export async function nodeToTake(): Promise<string | undefined> {
  const kept = await receiverNode();
  const nodes = (await pods()).flatMap(({ node }) => (node && node !== kept ? [node] : []));
  const count = (node: string) => nodes.filter((each) => each === node).length;
  return [...new Set(nodes)].sort((a, b) => count(b) - count(a))[0];
}

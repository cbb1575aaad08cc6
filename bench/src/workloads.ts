import type { JsPolicy, JsPolicySpec, KubeObject } from '@jspolicy/contracts';
import { podOfSize } from '@jspolicy/testing';

export type WorkloadId = 'W1' | 'W2' | 'W3';

/** What a right answer says. */
export type Expected =
  | { kind: 'allowed' }
  | { kind: 'denied'; message: string }
  | { kind: 'mutated'; object: KubeObject };

/** A Pod that is posted, and what each of its policies must say of it. */
export interface Variant {
  pod: KubeObject;
  expected: Expected;
}

export interface Workload {
  id: WorkloadId;
  describe: string;
  policy(name: string, copy?: number): JsPolicy;
  /** Posted in turn. Each Pod has exactly so many bytes of JSON. */
  variants(podBytes: number): Variant[];
}

interface Container {
  name: string;
  image: string;
}

const REGISTRIES = Array.from({ length: 20 }, (_, index) => `registry-${index}.example.com/team-${index}/`);
const SIDECAR = { name: 'proxy', image: `${REGISTRIES[0]}proxy:1.4.2`, args: ['--port', '15001'] };

/** One of so many reviews is denied. */
const W1_DENIED = 10;
const W2_DENIED = 20;

export const W1: Workload = {
  id: 'W1',
  describe: 'deny the namespace default',
  policy: (name) =>
    jsPolicy(name, {}, `if (request.namespace === 'default') deny('choose a namespace other than default');`),
  variants: (podBytes) =>
    variantsOf(W1_DENIED, (denied) => ({
      pod: podWith(podBytes, containersFor(podBytes), denied ? 'default' : 'shop'),
      expected: denied ? { kind: 'denied', message: 'choose a namespace other than default' } : { kind: 'allowed' },
    })),
};

export const W2: Workload = {
  id: 'W2',
  describe: 'images from 20 registries only',
  // Each copy has a list of its own, so that copies are different bundles.
  policy: (name, copy = 0) =>
    jsPolicy(
      name,
      {},
      `const allowed = ${JSON.stringify([`copy-${copy}.example.com/`, ...REGISTRIES.slice(1)])};
const { spec } = request.object;
for (const { name, image } of [...(spec.initContainers || []), ...spec.containers]) {
  if (!allowed.some((prefix) => image.startsWith(prefix))) {
    deny(\`container \${name}: image \${image} is not from an allowed registry\`);
  }
}`,
    ),
  variants: (podBytes) => variantsOf(W2_DENIED, (denied) => imageVariant(podBytes, denied)),
};

export const W3: Workload = {
  id: 'W3',
  describe: 'add a container, a label and a volume',
  policy: (name) =>
    jsPolicy(
      name,
      { type: 'Mutating' },
      `const pod = request.object;
pod.metadata.labels = { ...pod.metadata.labels, 'bench.example.com/proxy': 'added' };
pod.spec.containers.push(${JSON.stringify(SIDECAR)});
pod.spec.volumes = [...(pod.spec.volumes || []), { name: 'proxy-state', emptyDir: {} }];
mutate(pod);`,
    ),
  variants(podBytes) {
    const pod = podWith(podBytes, containersFor(podBytes), 'shop');
    return [{ pod, expected: { kind: 'mutated', object: withSidecar(pod) } }];
  },
};

export const WORKLOADS: readonly Workload[] = [W1, W2, W3];

/** A policy that judges Pods when they are created. */
export function jsPolicy(name: string, spec: Partial<JsPolicySpec>, javascript: string): JsPolicy {
  return {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name },
    spec: { operations: ['CREATE'], resources: ['pods'], ...spec, javascript },
  };
}

/** A Pod that W2 allows, or denies for its last container. */
export function imageVariant(podBytes: number, denied: boolean, namespace = 'shop'): Variant {
  const containers = containersFor(podBytes);
  const last = containers.at(-1) as Container;
  if (denied) last.image = 'registry.example.org/unknown/app:1.0';
  const message = `container ${last.name}: image ${last.image} is not from an allowed registry`;
  return {
    pod: podWith(podBytes, containers, namespace),
    expected: denied ? { kind: 'denied', message } : { kind: 'allowed' },
  };
}

function variantsOf(deniedEvery: number, make: (denied: boolean) => Variant): Variant[] {
  const [allowed, denied] = [make(false), make(true)];
  return Array.from({ length: deniedEvery }, (_, index) => (index === deniedEvery - 1 ? denied : allowed));
}

/** 1 KiB: 2 containers, 10 KiB: 5, 100 KiB: 20. */
function containersFor(podBytes: number): Container[] {
  const count = podBytes >= 100 * 1024 ? 20 : podBytes >= 10 * 1024 ? 5 : 2;
  return Array.from({ length: count }, (_, index) => ({
    name: `app-${index}`,
    image: `${REGISTRIES[(index % (REGISTRIES.length - 1)) + 1]}app:1.${index}.0`,
  }));
}

/** Most of its bytes are managedFields, as in a cluster. */
function podWith(podBytes: number, containers: Container[], namespace: string): KubeObject {
  const change = (pod: KubeObject): KubeObject => ({
    ...pod,
    metadata: { ...pod.metadata, name: 'bench', namespace },
    spec: { containers },
  });
  const bytes = (pod: KubeObject) => Buffer.byteLength(JSON.stringify(pod));
  // The length of its own name is part of what podOfSize counts.
  const plain = podOfSize(podBytes);
  const made = change(podOfSize(podBytes - (bytes(change(plain)) - bytes(plain))));
  const annotations = made.metadata.annotations as Record<string, string>;
  const key = 'test.jspolicy.com/padding';
  const padding = (annotations[key] ?? '').length + podBytes - bytes(made);
  if (padding < 0) throw new RangeError(`a pod of ${podBytes} bytes with ${containers.length} containers is too small`);
  made.metadata.annotations = { [key]: 'x'.repeat(padding) };
  return made;
}

function withSidecar(pod: KubeObject): KubeObject {
  const { containers } = pod.spec as { containers: Container[] };
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { 'bench.example.com/proxy': 'added' } },
    spec: { containers: [...containers, SIDECAR], volumes: [{ name: 'proxy-state', emptyDir: {} }] },
  };
}

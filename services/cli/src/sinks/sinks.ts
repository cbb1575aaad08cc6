import { API_VERSION, type ViolationSink } from '@jspolicy/contracts';
import { KubeError } from '@jspolicy/kube';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type EngineOptions, findCluster } from '../stack/find-engine.ts';
import { openPolicyCluster } from '../stack/policy-cluster.ts';
import { type Terminal, table } from '../terminal.ts';

export interface SinksOptions extends EngineOptions {
  output: 'text' | 'json';
}

/** Prints every ViolationSink of the cluster, or of the manifests. Throws CommandError. */
export async function listSinks(options: SinksOptions, terminal: Terminal): Promise<number> {
  const sinks = await readSinks(options);
  if (options.output === 'json') terminal.print(JSON.stringify(sinks.map(factsOf), null, 2));
  else if (sinks.length === 0) terminal.note('there are no sinks');
  else terminal.print(table([HEAD, ...sinks.map(row)]));
  return EXIT.ok;
}

async function readSinks(options: SinksOptions): Promise<ViolationSink[]> {
  const { cluster, places } = await findCluster(options);
  const opened = await openPolicyCluster(cluster, { state: places.state, onProblem: () => undefined });
  try {
    const type = await opened.cluster.resolve(API_VERSION, 'ViolationSink');
    const sinks = (await opened.cluster.list(type)) as ViolationSink[];
    return sinks.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  } catch (cause) {
    if (!(cause instanceof KubeError)) throw cause;
    const missing = cause.reason === 'NotFound' ? " (the engine's kinds are not installed there)" : '';
    throw new CommandError(`sinks cannot be read: ${cause.message}${missing}`, { cause });
  } finally {
    await opened.close();
  }
}

const HEAD = ['NAME', 'TYPE', 'STATE', 'DELIVERED', 'PENDING', 'LAG', 'FAILED', 'DEAD', 'DROPPED', 'ERROR'];

function row(sink: ViolationSink): string[] {
  const { name, type, state, delivered, pending, lagSeconds, failed, dead, dropped, error } = factsOf(sink);
  const figures = [delivered, pending].map(String);
  return [name, type, state, ...figures, `${lagSeconds}s`, ...[failed, dead, dropped].map(String), error];
}

function factsOf({ metadata, spec, status = {} }: ViolationSink) {
  const [condition] = status.conditions ?? [];
  const current = condition && status.observedGeneration === metadata.generation;
  return {
    name: metadata.name,
    type: spec.type,
    state: current ? condition.reason : 'Pending',
    delivered: status.delivered ?? 0,
    pending: status.pending ?? 0,
    lagSeconds: status.lagSeconds ?? 0,
    failed: status.failed ?? 0,
    dead: status.dead ?? 0,
    dropped: status.dropped ?? 0,
    undecided: status.undecided ?? 0,
    error: oneLine(current ? condition.message : ''),
    ...(status.lastError && { lastError: status.lastError }),
    ...(status.lastDelivery !== undefined && { lastDelivery: status.lastDelivery }),
  };
}

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');

import { resolve } from 'node:path';
import { type Bus, busProblems, busSettings, connectBus } from '@jspolicy/bus';
import { ConfigurationError, createLogger, loadConfig } from '@jspolicy/runtime';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type DataPlaces, DEFAULT_MANIFESTS, dataPlaces, defaultDataRoot } from '../places.ts';
import { shellWord } from '../terminal.ts';
import { allRunning, type RunningStack, readRunning, stillRuns } from './running.ts';
import type { ClusterChoice } from './service-env.ts';

/** Which engine a command is about. */
export interface EngineOptions {
  nats?: string;
  data?: string;
  manifests?: string;
  kubeconfig?: string;
}

export interface FoundEngine {
  natsUrl: string;
  /** Somebody else's server: the variables of NATS say who we are there. */
  foreign: boolean;
  /** It was an `up`, and that is gone: nobody answers at natsUrl any more. */
  ended(): Promise<boolean>;
}

export interface FoundCluster {
  cluster: ClusterChoice;
  places: DataPlaces;
}

const NATS_OF_CLUSTER =
  '--nats URL names the NATS of an engine in a cluster, reached by kubectl port-forward (docs/violations.md has the commands)';

const GIVE_UP_MS = 15_000;

/** The NATS that is named, or that of an `up` that runs on this machine. Throws CommandError. */
export async function findEngine(options: EngineOptions): Promise<FoundEngine> {
  if (options.nats !== undefined) return { natsUrl: options.nats, foreign: true, ended: async () => false };
  const { running, places } = await findRunning(options, NATS_OF_CLUSTER);
  const { natsUrl, ownNats } = running;
  return { natsUrl, foreign: !ownNats, ended: async () => !(await stillRuns(places, natsUrl)) };
}

/** The API server that is named, or the cluster of an `up` that runs on this machine. Throws CommandError. */
export async function findCluster(options: EngineOptions): Promise<FoundCluster> {
  const { kubeconfig } = options;
  if (kubeconfig !== undefined) return { cluster: { kubeconfig: resolve(kubeconfig) }, places: placesOf(options) };
  const { running, places } = await findRunning(options, '--kubeconfig FILE names an API server');
  return { cluster: running.cluster, places };
}

/** The one that is named, or that on the samples; where nothing is named, the only one that runs. */
async function findRunning(
  options: EngineOptions,
  other: string,
): Promise<{ running: RunningStack; places: DataPlaces }> {
  const places = placesOf(options);
  const running = await readRunning(places);
  if (running) return { running, places };
  const all = await allRunning();
  const [only] = all;
  if (only && all.length === 1 && !isNamed(options)) return only;
  throw nothingRuns(
    places,
    other,
    all.map((each) => optionOf(each.running.cluster)),
  );
}

const isNamed = ({ data, manifests, kubeconfig }: EngineOptions): boolean =>
  data !== undefined || manifests !== undefined || kubeconfig !== undefined;

const optionOf = (cluster: ClusterChoice): string =>
  'manifests' in cluster
    ? `--manifests ${shellWord(cluster.manifests)}`
    : `--kubeconfig ${shellWord(cluster.kubeconfig)}`;

const placesOf = ({ data, manifests, kubeconfig }: EngineOptions): DataPlaces =>
  dataPlaces(resolve(data ?? defaultDataRoot(kubeconfig ?? manifests ?? DEFAULT_MANIFESTS)));

const nothingRuns = ({ root }: DataPlaces, other: string, running: readonly string[]): CommandError => {
  const there = running.length > 0 ? ` (here run: ${running.join(', ')})` : '';
  return new CommandError(
    `no \`jspolicy up\` runs on ${root}. ${other}; ` +
      `--manifests, --kubeconfig or --data name another \`up\` on this machine${there}`,
  );
};

/** Connects, and disconnects after the work. Throws CommandError. */
export async function withBus<T>({ natsUrl, foreign }: FoundEngine, work: (bus: Bus) => Promise<T>): Promise<T> {
  const log = createLogger({ service: 'cli', level: 'silent' });
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  const security = foreign ? securityOf(natsUrl) : undefined;
  let bus: Bus;
  try {
    bus = await connectBus({
      servers: natsUrl,
      name: 'cli',
      service: 'cli',
      log,
      signal,
      ...(security && { security }),
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = foreign ? '' : ' (the `jspolicy up` that had it was killed, it seems: start it again)';
    throw new CommandError(`NATS cannot be used at ${natsUrl}: ${why}${hint}`, { cause });
  }
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

function securityOf(servers: string) {
  try {
    return loadConfig(busSettings, { ...process.env, NATS_URL: servers }, busProblems);
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CommandError(cause.problems.join('; '), { exitCode: EXIT.configuration, cause });
  }
}

import { BUS_VARIABLES } from '@jspolicy/bus';
import type { CertificateFiles } from '@jspolicy/certificates';
import { CRDS, type DataPlaces, packageCache, type ServiceName } from '../places.ts';
import type { LogLevel } from './log-line.ts';

/** The cluster that the services work on. */
export type ClusterChoice = { manifests: string } | { kubeconfig: string };

export interface StackFacts {
  cluster: ClusterChoice;
  places: DataPlaces;
  certificates: CertificateFiles;
  natsUrl: string;
  /** Started by us, for us: what the environment says about another NATS is not meant for it. */
  ownNats: boolean;
  host: string;
  port: number;
  webhookUrl: string;
  logLevel: LogLevel;
}

/** What the user's own environment may say, but `up` decides by its options. */
const OURS = ['KUBECONFIG', 'MANIFESTS_DIR', 'STATE_DIR', 'KUBERNETES_SERVICE_HOST', 'SHUTDOWN_DELAY_MS'];

/** The environment of one service: the user's, so that every other variable of a service can be set, and ours. */
export function serviceEnv(
  service: ServiceName,
  name: string,
  facts: StackFacts,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const ours = facts.ownNats ? [...OURS, ...BUS_VARIABLES] : OURS;
  const inherited = Object.fromEntries(Object.entries(env).filter(([key]) => !ours.includes(key)));
  return { ...inherited, ...common(facts), ...own(service, name, facts, env) };
}

function common({ cluster, places, natsUrl, logLevel }: StackFacts): NodeJS.ProcessEnv {
  const where =
    'manifests' in cluster
      ? { MANIFESTS_DIR: cluster.manifests, STATE_DIR: places.state }
      : { KUBECONFIG: cluster.kubeconfig };
  return { NATS_URL: natsUrl, LOG_LEVEL: logLevel, HEALTH_PORT: '0', ...where };
}

function own(service: ServiceName, name: string, facts: StackFacts, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { places, certificates, host, port, webhookUrl } = facts;
  switch (service) {
    case 'gateway':
      return {
        HOST: host,
        PORT: String(port),
        TLS_CERT_FILE: certificates.certFile,
        TLS_KEY_FILE: certificates.keyFile,
      };
    case 'evaluator':
      // The next start sends what waits: nobody has to wait for it now.
      return { EVALUATOR_ID: name, SPOOL_DIR: places.spool, SPOOL_DRAIN_SECONDS: '0' };
    case 'compiler':
      return { WORK_DIR: places.compilerWork, CACHE_DIR: packageCache(env) };
    case 'controller':
      return {
        WEBHOOK_URL: webhookUrl,
        WEBHOOK_CA_FILE: certificates.caFile,
        INSTALL_CRDS: String('kubeconfig' in facts.cluster),
        CRDS_DIR: CRDS,
      };
    case 'audit':
      return { SINK_FILE_DIR: env['SINK_FILE_DIR'] || places.sinkFiles };
  }
}

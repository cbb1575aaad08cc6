import { hostname } from 'node:os';
import { busProblems, busSettings } from '@jspolicy/bus';
import {
  clusterSettings,
  commonSettings,
  file,
  integer,
  loadConfig,
  optionalText,
  text,
  type Values,
} from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  gatewayId: text({
    env: 'GATEWAY_ID',
    default: `${hostname()}-${process.pid}`,
    describe: 'name of this gateway in violations',
  }),
  host: text({ env: 'HOST', default: '0.0.0.0', describe: 'address that the webhook listens on' }),
  port: integer({ env: 'PORT', min: 0, max: 65535, default: 8443, describe: 'port of the webhook; 0: a free one' }),
  certFile: file({
    env: 'TLS_CERT_FILE',
    default: '',
    describe: 'serving certificate, PEM, read anew when it changes; absent: the Secret jspolicy-webhook-cert',
  }),
  keyFile: file({ env: 'TLS_KEY_FILE', default: '', describe: 'private key of the serving certificate, PEM' }),
  namespace: text({ env: 'KUBE_NAMESPACE', default: 'jspolicy', describe: 'namespace of the engine itself' }),
  kubeconfig: clusterSettings.kubeconfig,
  // Kubernetes sets it in every Pod: then the Pod's service account is the credential.
  kubernetesHost: optionalText({ env: 'KUBERNETES_SERVICE_HOST', describe: 'set inside of a cluster' }),
  maxInFlight: integer({
    env: 'MAX_IN_FLIGHT',
    min: 1,
    max: 100_000,
    default: 1024,
    describe: 'reviews at once; more are refused with 503',
  }),
  maxBodiesMiB: integer({
    env: 'MAX_BODIES_MIB',
    min: 16,
    max: 65_536,
    default: 128,
    describe: 'what all bodies hold together, MiB; beyond it the oldest that is still being sent is cut off, or 503',
  }),
  shutdownDelayMs: integer({
    env: 'SHUTDOWN_DELAY_MS',
    min: 0,
    max: 60_000,
    default: 0,
    describe: 'how long requests are still accepted after SIGTERM, until endpoints have changed',
  }),
};

export type GatewayConfig = Values<typeof settings>;

export const readConfig = (env: NodeJS.ProcessEnv): GatewayConfig =>
  loadConfig(settings, env, busProblems, certificateProblems);

function certificateProblems(values: Partial<GatewayConfig>): string[] {
  const { certFile, keyFile, kubeconfig, kubernetesHost } = values;
  // What is wrong with a file is told already.
  if (certFile === undefined || keyFile === undefined) return [];
  if (Boolean(certFile) !== Boolean(keyFile)) return ['TLS_CERT_FILE and TLS_KEY_FILE belong together'];
  if (certFile || kubeconfig || kubernetesHost) return [];
  return ['TLS_CERT_FILE and TLS_KEY_FILE are required where there is no KUBECONFIG to read a Secret with'];
}

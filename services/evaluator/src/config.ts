import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { busProblems, busSettings } from '@jspolicy/bus';
import { grantSettings } from '@jspolicy/host-functions';
import {
  checkedText,
  clusterProblems,
  clusterSettings,
  commonSettings,
  flag,
  integer,
  list,
  loadConfig,
  optionalText,
  text,
} from '@jspolicy/runtime';

/** Policies would all fail with it: better the service does not start. */
function scriptProblem(text: string): string | undefined {
  try {
    new Script(text, { filename: 'GLOBAL_CONTEXT' });
    return undefined;
  } catch (error) {
    const place = error instanceof Error ? /GLOBAL_CONTEXT:(\d+)/.exec(error.stack ?? '')?.[1] : undefined;
    return `is no script: ${error instanceof Error ? error.message : error}${place ? ` in line ${place}` : ''}`;
  }
}

const defaultId = `${hostname()}-${process.pid}`;

export const settings = {
  ...commonSettings,
  ...busSettings,
  evaluatorId: text({ env: 'EVALUATOR_ID', default: defaultId, describe: 'name of this evaluator in violations' }),
  clusterName: text({
    env: 'CLUSTER_NAME',
    default: 'kubernetes',
    describe: 'name of the cluster in violations: their source is /clusters/<name>',
  }),
  violationLabels: list({
    env: 'VIOLATION_LABELS',
    default: [],
    describe: 'keys of the labels that violations tell of an object, separated by commas',
  }),
  sandboxProcesses: integer({
    env: 'VM_POOL_SIZE',
    min: 1,
    max: 256,
    default: 2,
    describe: 'sandbox processes; each evaluates one review at a time',
  }),
  workProcesses: integer({
    env: 'WORK_POOL_SIZE',
    min: 1,
    max: 256,
    default: 1,
    describe: 'sandbox processes for Controller policies alone; started when there is such a policy',
  }),
  sandboxMemoryMiB: integer({
    env: 'SANDBOX_MEMORY_MIB',
    min: 16,
    max: 4096,
    default: 128,
    describe: 'memory that the policies of one sandbox process may take, MiB',
  }),
  maxInFlight: integer({
    env: 'MAX_IN_FLIGHT',
    min: 1,
    max: 100_000,
    default: 256,
    describe: 'reviews at once; more are refused with 503',
  }),
  followedCreatesPerHour: integer({
    env: 'FOLLOWED_CREATES_PER_HOUR',
    min: 0,
    max: 1_000_000_000,
    default: 10_000,
    describe: 'objects that a Controller policy may create of kinds that it follows, in this evaluator; 0: any number',
  }),
  spoolDir: text({
    env: 'SPOOL_DIR',
    default: join(tmpdir(), `jspolicy-spool-${process.getuid?.() ?? 'user'}`),
    describe: 'directory for violations that JetStream did not take yet; evaluators of one machine may share it',
  }),
  spoolMaxMiB: integer({
    env: 'SPOOL_MAX_MIB',
    min: 1,
    max: 10_240,
    default: 64,
    describe: 'size of one evaluator’s spool, MiB; beyond it violations are lost and counted',
  }),
  spoolDrainSeconds: integer({
    env: 'SPOOL_DRAIN_SECONDS',
    min: 0,
    max: 3600,
    default: 5,
    describe: 'how long an evaluator that is asked to end goes on sending what waits in its spool',
  }),
  cacheMaxMiB: integer({
    env: 'CACHE_MAX_MIB',
    min: 0,
    max: 1_048_576,
    default: 256,
    describe:
      'copies of objects for get() and list(), MiB; a kind that has no room is read from the API server each time',
  }),
  cacheIdleSeconds: integer({
    env: 'CACHE_IDLE_SECONDS',
    min: 1,
    max: 86_400,
    default: 600,
    describe: 'copies of a kind that no policy has read for so long are dropped',
  }),
  globalContext: checkedText(
    {
      env: 'GLOBAL_CONTEXT',
      default: '',
      describe: 'a script that is evaluated in front of every policy; each evaluation then has a context of its own',
    },
    scriptProblem,
  ),
  profiling: flag({ env: 'PROFILING', default: false, describe: 'log how long each evaluation took' }),
  ...grantSettings,
  ...clusterSettings,
  kubeconfig: optionalText({
    env: 'KUBECONFIG',
    describe: 'kubeconfig file of the API server that policies read and write, with the rights of its user',
  }),
  // Kubernetes sets it in every Pod: then the Pod's service account is the credential.
  kubernetesHost: optionalText({ env: 'KUBERNETES_SERVICE_HOST', describe: 'set inside of a cluster' }),
};

export type EvaluatorConfig = ReturnType<typeof readConfig>;

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems, clusterProblems);

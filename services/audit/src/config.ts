import { busProblems, busSettings } from '@jspolicy/bus';
import { clusterProblems, clusterSettings, commonSettings, integer, loadConfig, text } from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  ...clusterSettings,
  batch: integer({
    env: 'BATCH',
    min: 1,
    max: 10_000,
    default: 5_000,
    describe: 'violations that are handled together',
  }),
  violationsMaxAgeHours: integer({
    env: 'VIOLATIONS_MAX_AGE_HOURS',
    min: 1,
    max: 87_600,
    default: 168,
    describe: 'how long the stream keeps violations, hours',
  }),
  violationsMaxMiB: integer({
    env: 'VIOLATIONS_MAX_MIB',
    min: 16,
    max: 1_048_576,
    default: 1_024,
    describe: 'how much the stream of violations keeps, MiB; beyond it the oldest go',
  }),
  sinkSecretsNamespace: text({
    env: 'SINK_SECRETS_NAMESPACE',
    default: 'jspolicy',
    describe: 'namespace of the Secrets that sinks refer to',
  }),
};

export type AuditConfig = ReturnType<typeof readConfig>;

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems, clusterProblems);

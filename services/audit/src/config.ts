import { busProblems, busSettings } from '@jspolicy/bus';
import { clusterProblems, clusterSettings, commonSettings, flag, integer, loadConfig, text } from '@jspolicy/runtime';
import { rangeList } from './sinks/refused-addresses.ts';

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
  policyReports: flag({
    env: 'ENABLE_POLICY_REPORTS',
    default: false,
    describe: 'whether violations are told in reports of openreports.io or wgpolicyk8s.io',
  }),
  policyReportMaxEvents: integer({
    env: 'POLICY_REPORT_MAX_EVENTS',
    min: 1,
    max: 1_000,
    default: 50,
    describe: 'results of one report; beyond it the oldest go',
  }),
  policyReportMaxReports: integer({
    env: 'POLICY_REPORT_MAX_REPORTS',
    min: 1,
    max: 100_000,
    default: 10_000,
    describe: 'reports in the cluster; beyond it those go whose latest result is the oldest',
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
  sinkFileDir: text({
    env: 'SINK_FILE_DIR',
    default: '/var/log/jspolicy',
    describe: 'directory below which sinks of the type file write',
  }),
  sinkRefusedAddresses: rangeList({
    env: 'SINK_REFUSED_ADDRESSES',
    default: ['link-local'],
    describe: 'addresses that sinks may not connect to: link-local, loopback, private, none, or CIDRs',
  }),
};

export type AuditConfig = ReturnType<typeof readConfig>;

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems, clusterProblems);

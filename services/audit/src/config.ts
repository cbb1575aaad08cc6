import { busProblems, busSettings } from '@jspolicy/bus';
import { clusterProblems, clusterSettings, commonSettings, integer, loadConfig } from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  ...clusterSettings,
  batch: integer({ env: 'BATCH', min: 1, max: 10_000, default: 500, describe: 'violations that are handled together' }),
};

export type AuditConfig = ReturnType<typeof readConfig>;

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems, clusterProblems);

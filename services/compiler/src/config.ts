import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { busProblems, busSettings } from '@jspolicy/bus';
import { commonSettings, integer, loadConfig, text } from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  workDir: text({
    env: 'WORK_DIR',
    default: join(tmpdir(), 'jspolicy-compiler'),
    describe: 'directory for what lives as long as one build',
  }),
  cacheDir: text({
    env: 'CACHE_DIR',
    default: join(homedir(), '.cache', 'jspolicy', 'packages'),
    describe: 'directory for installed packages; replicas may share it',
  }),
  bundleTimeoutSeconds: integer({
    env: 'BUNDLE_TIMEOUT',
    min: 1,
    max: 600,
    default: 30,
    describe: 'seconds that bundling one policy may take; the installation of its packages twice as many',
  }),
  minReleaseAgeDays: integer({
    env: 'MIN_RELEASE_AGE_DAYS',
    min: 0,
    max: 365,
    default: 0,
    describe: 'package versions younger than so many days are not installed',
  }),
  concurrency: integer({ env: 'CONCURRENCY', min: 1, max: 64, default: 2, describe: 'builds at once; more wait' }),
};

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems);

import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The checkout that this command stands in: services/cli/src and services/cli/dist are equally deep. */
export const ROOT = resolve(import.meta.dirname, '../../..');

export const DEFAULT_MANIFESTS = join(ROOT, 'k8s/samples');
export const SAMPLE_REVIEWS = join(ROOT, 'k8s/reviews');
export const CRDS = join(ROOT, 'k8s/crds');

export type ServiceName = 'gateway' | 'evaluator' | 'compiler' | 'controller' | 'audit';

/** A path and no import: services meet in messages only. */
export const serviceMain = (service: ServiceName): string => join(ROOT, 'services', service, 'dist/main.js');

/** Everything that `up` keeps, below one directory. */
export interface DataPlaces {
  root: string;
  lock: string;
  /** Where the NATS of an `up` is that runs now, and on which cluster. */
  running: string;
  logs: string;
  nats: string;
  certificates: string;
  /** What services write beside the manifests: status, bundles, violations. */
  state: string;
  spool: string;
  /** Files of violations that sinks write. */
  sinkFiles: string;
  compilerWork: string;
}

export function dataPlaces(root: string): DataPlaces {
  const below = (name: string) => join(root, name);
  return {
    root,
    lock: below('lock'),
    running: below('running.json'),
    logs: below('logs'),
    nats: below('nats'),
    certificates: below('certificates'),
    state: below('state'),
    spool: below('spool'),
    sinkFiles: below('sinks'),
    compilerWork: below('compiler'),
  };
}

/** Where the data directories are that nobody named. */
export const dataRoots = (env: NodeJS.ProcessEnv = process.env): string =>
  join(env['XDG_STATE_HOME'] || join(homedir(), '.local/state'), 'jspolicy');

/** One directory for each directory of manifests (or kubeconfig), outside of any checkout. */
export const defaultDataRoot = (source: string, env: NodeJS.ProcessEnv = process.env): string =>
  join(dataRoots(env), createHash('sha256').update(resolve(source)).digest('hex').slice(0, 12));

/** Installed packages, shared by everything of this user: a second data directory installs nothing again. */
export function packageCache(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'jspolicy', 'packages');
}

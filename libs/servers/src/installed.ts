import { delimiter, join, resolve } from 'node:path';
import { isExecutable } from './cache.ts';
import { reason, ServersError } from './errors.ts';
import { formatVersion, versionOf } from './version.ts';
import type { ServerName, Wanted } from './wanted.ts';

const VARIABLES: Record<ServerName, string> = {
  'nats-server': 'JSPOLICY_NATS_SERVER',
  etcd: 'JSPOLICY_ETCD',
  'kube-apiserver': 'JSPOLICY_KUBE_APISERVER',
  versitygw: 'JSPOLICY_VERSITYGW',
  otelcol: 'JSPOLICY_OTELCOL',
  loki: 'JSPOLICY_LOKI',
  helm: 'JSPOLICY_HELM',
};

/** Says why a place did not have the server. */
export type Note = (place: string, why: string) => void;

/** The file that a variable names. It is the user's word: a file that does not run is an error, not a reason to go on. */
export async function fromVariable(wanted: Wanted, env: NodeJS.ProcessEnv, note: Note): Promise<string | undefined> {
  const variable = VARIABLES[wanted.name];
  const file = env[variable];
  if (!file) return void note(variable, 'is not set');
  try {
    await versionOf(resolve(file), wanted.versionArgs);
    return resolve(file);
  } catch (error) {
    const message = `${variable} is ${file}, which does not run: ${reason(error)}. Correct it or leave it out.`;
    throw new ServersError('SERVER_MISCONFIGURED', message, { cause: error });
  }
}

/** The folder that controller tests elsewhere use too. Its version is taken as it is, unless another was asked for. */
export async function fromAssets(wanted: Wanted, env: NodeJS.ProcessEnv, note: Note): Promise<string | undefined> {
  if (wanted.name !== 'etcd' && wanted.name !== 'kube-apiserver') return undefined;
  const folder = env.KUBEBUILDER_ASSETS;
  if (!folder) return void note('KUBEBUILDER_ASSETS', 'is not set');
  const file = resolve(folder, wanted.name);
  const place = `KUBEBUILDER_ASSETS (${file})`;
  if (!(await isExecutable(file))) return void note(place, 'has no such file that can be run');
  return wanted.chosen ? acceptable(wanted, file, place, note) : file;
}

export async function fromPath(wanted: Wanted, env: NodeJS.ProcessEnv, note: Note): Promise<string | undefined> {
  let seen = false;
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const file = resolve(join(folder, wanted.name));
    if (!(await isExecutable(file))) continue;
    seen = true;
    const taken = await acceptable(wanted, file, `PATH (${file})`, note);
    if (taken) return taken;
  }
  if (!seen) note('PATH', `has no ${wanted.name}`);
  return undefined;
}

async function acceptable(wanted: Wanted, file: string, place: string, note: Note): Promise<string | undefined> {
  try {
    const version = await versionOf(file, wanted.versionArgs);
    if (wanted.accepts(version)) return file;
    note(place, `is ${formatVersion(version)}; ${wanted.needs} is needed`);
  } catch (error) {
    note(place, `does not run: ${reason(error)}`);
  }
  return undefined;
}

/** The variable that names the server's file, for messages. */
export const variableOf = (name: ServerName): string => VARIABLES[name];

import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureKubeModule } from './kube-module.ts';
import { type OnProgress, reporting } from './progress.ts';
import { PINNED, type ServerName, type Wanted } from './wanted.ts';

/** The pinned Go modules, beside libs/ in the checkout. */
export const TOOLS_FOLDER = fileURLToPath(new URL('../../../tools', import.meta.url));

const LAST_BYTES = 4_000;

interface Recipe {
  module: string;
  package: string;
  takes: string;
}

const RECIPES: Record<ServerName, Recipe> = {
  'nats-server': { module: 'nats', package: 'github.com/nats-io/nats-server/v2', takes: 'a minute' },
  etcd: { module: 'etcd', package: '.', takes: 'a minute' },
  'kube-apiserver': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-apiserver', takes: '4 minutes' },
};

/** Builds the server into the folder and returns its path. Throws when there is no go or the build fails. */
export async function buildWithGo(wanted: Wanted, folder: string, env: NodeJS.ProcessEnv, onProgress: OnProgress) {
  const recipe = RECIPES[wanted.name];
  const out = join(folder, wanted.name);
  const say = (soFar: string) =>
    `building ${wanted.name} ${wanted.version} with go, ${soFar}; takes about ${recipe.takes} the first time`;
  await reporting(onProgress, say, async () => {
    const module = await moduleFolder(wanted, recipe, folder, env);
    await runGo(['build', '-trimpath', '-ldflags', ldflags(wanted), '-o', out, recipe.package], module, env);
  });
  return out;
}

async function moduleFolder(wanted: Wanted, recipe: Recipe, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const pinned = join(TOOLS_FOLDER, recipe.module);
  await access(join(pinned, 'go.mod')).catch(() => {
    throw new Error(`${pinned} is not there: only a checkout of this project can build servers`);
  });
  if (wanted.version === PINNED[wanted.name]) return pinned;
  return ensureKubeModule(wanted.version, pinned, folder, (args, cwd) => runGo(args, cwd, env));
}

/** A kube-apiserver that is built plainly calls itself v0.0.0. */
function ldflags(wanted: Wanted): string {
  if (wanted.name !== 'kube-apiserver') return '-s -w';
  const [major, minor] = wanted.version.split('.');
  const values = { gitVersion: `v${wanted.version}`, gitMajor: major, gitMinor: minor };
  const sets = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s -w', ...sets].join(' ');
}

/** Runs go and returns what it printed; a failure carries the last of what it said. */
export function runGo(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const endChild = () => child.kill();
  process.once('exit', endChild);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr = (stderr + chunk).slice(-LAST_BYTES)));
  return new Promise<string>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('there is no go on the PATH', { cause: error }) : error),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`go ${args[0]} in ${cwd} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  }).finally(() => process.off('exit', endChild));
}

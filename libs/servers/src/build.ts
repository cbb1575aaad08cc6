import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureKubeModule } from './kube-module.ts';
import { type OnProgress, reporting } from './progress.ts';
import { runTool } from './tool.ts';
import { PINNED, type ServerName, type Wanted } from './wanted.ts';

/** The pinned Go modules, beside libs/ in the checkout. */
export const TOOLS_FOLDER = fileURLToPath(new URL('../../../tools', import.meta.url));

interface Recipe {
  module: string;
  package: string;
  takes: string;
  /** The variable of the program that holds what its --version says, where a plain build leaves it empty. */
  versionIn?: string;
}

const RECIPES: Record<ServerName, Recipe> = {
  'nats-server': { module: 'nats', package: 'github.com/nats-io/nats-server/v2', takes: 'a minute' },
  etcd: { module: 'etcd', package: '.', takes: 'a minute' },
  'kube-apiserver': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-apiserver', takes: '4 minutes' },
  versitygw: {
    module: 'versitygw',
    package: 'github.com/versity/versitygw/cmd/versitygw',
    takes: '2 minutes',
    versionIn: 'main.Version',
  },
  otelcol: { module: 'otelcol', package: '.', takes: '2 minutes', versionIn: 'main.version' },
  loki: {
    module: 'loki',
    package: 'github.com/grafana/loki/v3/cmd/loki',
    takes: '5 minutes',
    versionIn: 'github.com/grafana/loki/v3/pkg/util/build.Version',
  },
  helm: {
    module: 'helm',
    package: 'helm.sh/helm/v3/cmd/helm',
    takes: '2 minutes',
    versionIn: 'helm.sh/helm/v3/internal/version.version',
  },
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
  if (wanted.name !== 'kube-apiserver' || wanted.version === PINNED[wanted.name]) return pinned;
  return ensureKubeModule(wanted.version, pinned, folder, (args, cwd) => runGo(args, cwd, env));
}

/** A kube-apiserver that is built plainly calls itself v0.0.0. */
function ldflags(wanted: Wanted): string {
  const { versionIn } = RECIPES[wanted.name];
  if (versionIn) return `-s -w -X ${versionIn}=${wanted.version}`;
  if (wanted.name !== 'kube-apiserver') return '-s -w';
  const [major, minor] = wanted.version.split('.');
  const values = { gitVersion: `v${wanted.version}`, gitMajor: major, gitMinor: minor };
  const sets = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s -w', ...sets].join(' ');
}

const runGo = (args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> => runTool('go', args, cwd, env);

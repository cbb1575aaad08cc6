import { realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

/** How npm is started: `file` with `args` before npm's own. */
export interface NpmCommand {
  file: string;
  args: string[];
}

/**
 * Finds npm: the one that runs this process, the one beside this Node, the first on PATH. It is run by this process's own
 * Node where its script is found, since the `node` on PATH may be another one.
 */
export async function findNpm(env: NodeJS.ProcessEnv): Promise<NpmCommand | undefined> {
  for (const candidate of candidates(env)) {
    const path = await realpath(candidate).catch(() => undefined);
    if (path?.endsWith('npm-cli.js')) return { file: process.execPath, args: [path] };
    if (path) return { file: path, args: [] };
  }
  return undefined;
}

function candidates(env: NodeJS.ProcessEnv): string[] {
  const beside = dirname(process.execPath);
  const onPath = (env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const running = env['npm_execpath'];
  return [
    ...(running?.endsWith('npm-cli.js') ? [running] : []),
    join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    ...onPath.map((directory) => join(directory, 'npm')),
  ];
}

/** Where the registry is and how it is reached. No credentials: those stay in files that policies' builds do not read. */
const NPM_SETTINGS = ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'];
const PASSED = [
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/** The settings, as `npm config get` prints them: one `key=value` a line. */
export const settingsQuery = ['config', 'get', ...NPM_SETTINGS];

/** The environment of an installation: the settings above, an own home, an empty user configuration, no other variable. */
export function installEnvironment(settings: string, home: string, cache: string, env: NodeJS.ProcessEnv) {
  const known = settings.split('\n').flatMap((line) => settingOf(line.trim()));
  const passed = PASSED.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  return Object.fromEntries([
    ...passed,
    ...known,
    ['HOME', home],
    ['TMPDIR', home],
    // Without a git on the path, a package that wants one fails instead of running it.
    ['PATH', dirname(process.execPath)],
    ['npm_config_cache', cache],
    ['npm_config_userconfig', join(home, '.npmrc')],
    ['npm_config_globalconfig', join(home, 'global.npmrc')],
    ['npm_config_update_notifier', 'false'],
  ]) as Record<string, string>;
}

function settingOf(line: string): [string, string][] {
  const at = line.indexOf('=');
  const [key, value] = [line.slice(0, at), line.slice(at + 1)];
  if (!NPM_SETTINGS.includes(key) || value === '' || value === 'null' || value === 'undefined') return [];
  return [[`npm_config_${key.replaceAll('-', '_')}`, value]];
}

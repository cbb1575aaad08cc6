import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type OnProgress, reporting } from './progress.ts';
import { runTool } from './tool.ts';

/** What rsyslog with TLS needs beyond what every Debian has. */
const PACKAGES = ['rsyslog', 'rsyslog-openssl', 'libestr0', 'libfastjson4', 'liblognorm5'];

/** Downloads rsyslog from the archive of this machine's release and unpacks it. No root, nothing is installed. */
export async function fetchDebianPackages(folder: string, env: NodeJS.ProcessEnv, onProgress: OnProgress) {
  const lists = join(folder, 'lists');
  const cache = join(folder, 'cache');
  const root = join(folder, 'root');
  await Promise.all([join(lists, 'partial'), join(cache, 'archives/partial'), root].map(makeFolder));
  // Lists of our own: those of the machine are root's, and may be empty or old.
  const own = ['-qq', '-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`, '-o', 'APT::Sandbox::User='];
  const say = (soFar: string) => `fetching rsyslog with apt-get, ${soFar}; takes about 15 seconds the first time`;
  await reporting(onProgress, say, async () => {
    await runTool('apt-get', [...own, 'update'], folder, env);
    await runTool('apt-get', [...own, 'download', ...PACKAGES], folder, env);
    const archives = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
    for (const archive of archives) await runTool('dpkg-deb', ['-x', archive, root], folder, env);
  });
  return root;
}

const makeFolder = (path: string) => mkdir(path, { recursive: true });

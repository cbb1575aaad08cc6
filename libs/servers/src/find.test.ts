import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findServer } from './find.ts';
import { PINNED } from './wanted.ts';

let dir: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
  env = { PATH: join(dir, 'path'), XDG_CACHE_HOME: join(dir, 'cache') };
  await mkdir(join(dir, 'path'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A server that only says its version. The PATH of these tests holds nothing but what they put there. */
async function fake(file: string, says: string): Promise<string> {
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "${says}"\n`);
  await chmod(file, 0o755);
  return file;
}

test('a variable goes before everything', async () => {
  await fake(join(dir, 'path/nats-server'), 'nats-server: v2.15.2');
  env.JSPOLICY_NATS_SERVER = await fake(join(dir, 'mine/nats-server'), 'nats-server: v2.9.0');
  expect(await findServer('nats-server', { env })).toBe(join(dir, 'mine/nats-server'));
});

test('a variable whose file does not run is the mistake of who set it', async () => {
  env.JSPOLICY_NATS_SERVER = join(dir, 'nothing');
  await expect(findServer('nats-server', { env })).rejects.toMatchObject({
    code: 'SERVER_MISCONFIGURED',
    message: expect.stringContaining('JSPOLICY_NATS_SERVER'),
  });
});

test('KUBEBUILDER_ASSETS goes before the PATH, unless another version is asked for', async () => {
  env.KUBEBUILDER_ASSETS = join(dir, 'assets');
  const assets = await fake(join(dir, 'assets/kube-apiserver'), 'Kubernetes v1.33.1');
  const onPath = await fake(join(dir, 'path/kube-apiserver'), 'Kubernetes v1.35.2');
  expect(await findServer('kube-apiserver', { env })).toBe(assets);
  expect(await findServer('kube-apiserver', { env: { ...env, JSPOLICY_KUBE_VERSION: 'v1.35.4' } })).toBe(onPath);
  expect(await findServer('kube-apiserver', { env, kubeVersion: '1.33.9' })).toBe(assets);
});

test('the PATH goes before the cache, with a version that will do', async () => {
  const cached = await fake(
    join(dir, `cache/jspolicy/bin/nats-server-${PINNED['nats-server']}`),
    'nats-server: v2.15.2',
  );
  await fake(join(dir, 'path/nats-server'), 'nats-server: v2.10.29');
  expect(await findServer('nats-server', { env })).toBe(cached);
  const newer = await fake(join(dir, 'path/nats-server'), 'nats-server: v2.11.0');
  expect(await findServer('nats-server', { env })).toBe(newer);
});

test('a version of Kubernetes that is none is a mistake in the configuration', async () => {
  const asked = findServer('kube-apiserver', { env: { ...env, JSPOLICY_KUBE_VERSION: '1.35' } });
  await expect(asked).rejects.toMatchObject({ code: 'SERVER_MISCONFIGURED' });
});

// Nobody publishes this one, so the download fails wherever this runs.
const UNPUBLISHED = '1.36.999';

test('a build puts what says the right version into the cache, and only that', async () => {
  const lines: string[] = [];
  const options = { env, kubeVersion: UNPUBLISHED, onProgress: (line: string) => lines.push(line) };
  await fakeGo('Kubernetes v1.36.2');
  await expect(findServer('kube-apiserver', options)).rejects.toThrow(`what was got is 1.36.2, not ${UNPUBLISHED}`);
  expect(await readdir(join(dir, 'cache/jspolicy/bin'))).toEqual([]);
  await fakeGo(`Kubernetes v${UNPUBLISHED}`);
  const both = await Promise.all([findServer('kube-apiserver', options), findServer('kube-apiserver', options)]);
  expect(new Set(both)).toEqual(new Set([join(dir, `cache/jspolicy/bin/kube-apiserver-${UNPUBLISHED}`)]));
  expect(await readdir(join(dir, 'cache/jspolicy/work'))).toEqual([]);
  expect(lines.join('\n')).toContain(
    `building kube-apiserver ${UNPUBLISHED} with go, 0 s so far; takes about 4 minutes`,
  );
  expect(lines.join('\n')).toContain(`waiting for process ${process.pid} on`);
});

/** A go that knows the module of any Kubernetes, and whose build makes a server that says so. */
async function fakeGo(says: string): Promise<void> {
  const goMod = join(dir, 'kubernetes.mod');
  await writeFile(goMod, 'replace k8s.io/api => ./staging/src/k8s.io/api\n');
  const go = join(dir, 'path/go');
  const script = `#!/bin/sh
[ "$1" = mod ] && echo '{"GoMod":"${goMod}"}' && exit
for a; do [ "$last" = -o ] && out="$a"; last="$a"; done
printf '#!/bin/sh\\necho "${says}"\\n' > "$out"; /bin/chmod +x "$out"
`;
  await writeFile(go, script);
  await chmod(go, 0o755);
}

test('without any the error names every place, why it failed and what to do', async () => {
  const error = await findServer('kube-apiserver', { env, kubeVersion: UNPUBLISHED }).catch((e) => e);
  expect(error).toMatchObject({ code: 'SERVER_NOT_FOUND' });
  for (const part of [
    'JSPOLICY_KUBE_APISERVER is not set',
    'KUBEBUILDER_ASSETS is not set',
    'PATH has no kube-apiserver',
    'cache has no',
    'download',
    'go build failed: there is no go on the PATH',
    'What to do: install kube-apiserver (1.36) on the PATH',
  ])
    expect(error.message).toContain(part);
});

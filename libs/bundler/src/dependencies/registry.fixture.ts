import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TestPackage {
  name: string;
  version: string;
  /** Path in the package to content; package.json is made of name, version and `manifest`. */
  files: Record<string, string>;
  manifest?: Record<string, unknown>;
}

export interface TestRegistry {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  stop(): Promise<void>;
}

/** An npm registry on a free port that has these packages. `directory` is for its tarballs; the caller removes it. */
export async function startRegistry(directory: string, packages: TestPackage[]): Promise<TestRegistry> {
  const tarballs = new Map<string, Buffer>();
  for (const one of packages)
    tarballs.set(tarballPath(one), await pack(join(directory, `${one.name}-${one.version}`), one));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const tarball = tarballs.get(path);
    const found = packages.filter(({ name }) => path === `/${name}`);
    if (path === '/hangs') return;
    if (tarball) response.end(tarball);
    else if (found.length > 0) response.end(JSON.stringify(packument(found, url, tarballs)));
    else response.writeHead(404).end('{"error":"not found"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const tarballPath = ({ name, version }: TestPackage) => `/${name}/-/${name}-${version}.tgz`;

const manifestOf = ({ name, version, manifest }: TestPackage) => ({ name, version, ...manifest });

async function pack(directory: string, one: TestPackage): Promise<Buffer> {
  const files = { 'package.json': JSON.stringify(manifestOf(one)), ...one.files };
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, 'package', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  await run('tar', ['-czf', 'package.tgz', 'package'], { cwd: directory });
  return readFile(join(directory, 'package.tgz'));
}

function packument(packages: TestPackage[], url: string, tarballs: Map<string, Buffer>) {
  const versions = packages.map((one) => {
    const integrity = `sha512-${createHash('sha512')
      .update(tarballs.get(tarballPath(one)) ?? '')
      .digest('base64')}`;
    return [one.version, { ...manifestOf(one), dist: { integrity, tarball: url + tarballPath(one) } }];
  });
  return {
    name: packages[0]?.name,
    'dist-tags': { latest: packages.at(-1)?.version },
    versions: Object.fromEntries(versions),
  };
}

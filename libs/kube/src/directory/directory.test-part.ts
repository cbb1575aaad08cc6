import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterEach, beforeEach } from 'vitest';
import type { ResourceType } from '../port.ts';
import type { ManifestNotice } from './manifest-file.ts';
import type { ToldProblem } from './manifest-news.ts';
import { type DirectoryCluster, openDirectory } from './open.ts';

/** A fresh directory of manifests for each test, and what is told of it. */
export const log = createLogger({ service: 'test', level: 'silent' });
export let dir: TempDir;
export let manifests: string;
let opened: DirectoryCluster[] = [];

beforeEach(async () => {
  dir = await tempDir();
  manifests = join(dir.path, 'manifests');
  await mkdir(manifests);
});

afterEach(async () => {
  await Promise.all(opened.map((cluster) => cluster.close()));
  opened = [];
  await dir.remove();
});

export async function open() {
  const problems: ToldProblem[] = [];
  const fixed: [file: string, how: string][] = [];
  const notices: ManifestNotice[] = [];
  const readable: string[] = [];
  const cluster = await openDirectory({
    manifests,
    state: join(dir.path, 'state'),
    log,
    onProblem: (problem) => problems.push(problem),
    onFixed: (file, how) => fixed.push([file, how]),
    onNotice: (notice) => notices.push(notice),
    onUnreadable: (error) => readable.push(error.message),
    onReadable: () => readable.push('readable'),
  });
  opened.push(cluster);
  const jsPolicy = await cluster.resolve('policy.jspolicy.com/v1beta1', 'JsPolicy');
  return { cluster, problems, fixed, notices, readable, jsPolicy };
}

export const write = (name: string, text: string) => writeFile(join(manifests, name), text);

export const policy = (name: string, javascript = 'allow()', labels = 'a') => `apiVersion: policy.jspolicy.com/v1beta1
kind: JsPolicy
metadata:
  name: ${name}
  labels: {x: ${labels}}
spec:
  operations: [CREATE]
  resources: [pods]
  javascript: |
    ${javascript}
`;

/** Keeps what a watch tells, as `+name` and `-name`. */
export function follow(cluster: DirectoryCluster, type: ResourceType) {
  const told: string[] = [];
  const objects: KubeObject[] = [];
  const running = cluster.watch(type, {
    onChange: (object) => {
      told.push(`+${object.metadata.name}`);
      objects.push(object);
    },
    onDelete: (object) => told.push(`-${object.metadata.name}`),
    onSynced: () => told.push('synced'),
    onError: (error) => told.push(String(error)),
  });
  return {
    told,
    objects,
    running,
    saw: (what: string) => waitFor(() => told.includes(what), { what }),
  };
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '@jspolicy/contracts';
import { type DirectoryCluster, openDirectory } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';

/**
 * A cluster of just these objects, kept in files below workDir: policies read it by the same rules as `up`. What they write
 * is answered as a dry run.
 */
export async function clusterOfObjects(objects: KubeObject[], workDir: string): Promise<DirectoryCluster> {
  const manifests = join(workDir, 'objects');
  await mkdir(manifests, { recursive: true });
  await writeFile(join(manifests, 'all.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const log = createLogger({ service: 'review', level: 'silent' });
  return openDirectory({ manifests, state: join(workDir, 'state'), log, dryRunOnly: true, onProblem: () => undefined });
}

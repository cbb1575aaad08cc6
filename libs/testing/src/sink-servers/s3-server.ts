import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer, freePort } from '@jspolicy/servers';
import { tempDir } from '../temp-dir.ts';
import { toStderr } from '../to-stderr.ts';
import { type SinkServer, startListening } from './sink-server.ts';

export interface S3Server extends SinkServer {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** What a bucket holds, by key. */
  objects(bucket: string): Promise<Map<string, Buffer>>;
}

/** versitygw, a server of S3 that keeps objects as files, with these buckets. It checks signatures (version 4). */
export async function s3ForTest({ buckets }: { buckets: string[] }): Promise<S3Server> {
  const command = await findServer('versitygw', { onProgress: toStderr });
  const dir = await tempDir();
  const root = join(dir.path, 'objects');
  for (const bucket of buckets) await mkdir(join(root, bucket), { recursive: true });
  const port = await freePort();
  const account = { region: 'eu-central-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of this test' };
  const env = { ...process.env, ROOT_ACCESS_KEY: account.accessKeyId, ROOT_SECRET_KEY: account.secretAccessKey };
  // Without extended attributes, which a folder for temporary files need not have.
  const args = ['--port', `127.0.0.1:${port}`, '--region', account.region, 'posix', '--nometa', root];
  const child = await startListening({ name: 'versitygw', command, args, env }, [port]);
  return {
    ...account,
    endpoint: `http://127.0.0.1:${port}`,
    objects: (bucket) => filesBelow(join(root, bucket)),
    async stop() {
      await child.stop();
      await dir.remove();
    },
  };
}

async function filesBelow(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = new Map<string, Buffer>();
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    const path = join(parentPath, name);
    files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}

import { type KubeApiServer, type KubeApiServerOptions, startKubeApiServer } from '@jspolicy/servers';
import { tempDir } from './temp-dir.ts';
import { toStderr } from './to-stderr.ts';

/** etcd and kube-apiserver of their own; takes about three seconds. stop() removes their files too. */
export async function kubeForTest(options: Omit<KubeApiServerOptions, 'dir'> = {}): Promise<KubeApiServer> {
  const dir = await tempDir();
  const kube = await startKubeApiServer({ onProgress: toStderr, ...options, dir: dir.path });
  return {
    ...kube,
    async stop() {
      await kube.stop();
      await dir.remove();
    },
  };
}

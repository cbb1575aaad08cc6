import type { KubeObject } from '@jspolicy/contracts';
import type { ApiServerOptions, ResourceType } from '@jspolicy/kube';
import type { CertificateListener, CertificateSource } from './serving-certificate.ts';

/** The controller keeps it. */
const SECRET_NAME = 'jspolicy-webhook-cert';
const SECRETS: ResourceType = { group: '', version: 'v1', kind: 'Secret', resource: 'secrets', namespaced: true };

export interface CertificateSecretOptions extends ApiServerOptions {
  namespace: string;
}

/** The certificate in the Secret, by a watch: a new one serves within a moment. Needs get, list and watch of that Secret. */
export function certificateSecret(options: CertificateSecretOptions): CertificateSource {
  return (listener) => {
    const running = watchSecret(options, listener);
    running.catch((error: unknown) => listener.onProblem(error instanceof Error ? error.message : String(error)));
    return { stop: async () => (await running.catch(() => undefined))?.() };
  };
}

/** The client is loaded when it is wanted: a gateway with files needs none. */
async function watchSecret(options: CertificateSecretOptions, listener: CertificateListener) {
  const { connectApiServer } = await import('@jspolicy/kube');
  const cluster = await connectApiServer(options);
  const { namespace } = options;
  const name = `Secret ${namespace}/${SECRET_NAME}`;
  let isThere = false;
  const watch = cluster.watch(
    SECRETS,
    {
      onChange(secret) {
        isThere = true;
        const { cert, key } = certificateOf(secret);
        if (cert && key) listener.onCertificate({ cert, key });
        else listener.onProblem(`${name} has no tls.crt with tls.key`);
      },
      onDelete: () => listener.onProblem(`${name} was deleted`),
      onSynced: () => !isThere && listener.onProblem(`there is no ${name} yet: the controller makes it`),
      onError: (error) => listener.onProblem(`${name} cannot be read: ${error.message}`),
    },
    { namespace, fieldSelector: `metadata.name=${SECRET_NAME}` },
  );
  return async () => {
    await watch.stop();
    cluster.close();
  };
}

function certificateOf(secret: KubeObject) {
  const data = (secret['data'] ?? {}) as Record<string, string>;
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  return { cert: text('tls.crt'), key: text('tls.key') };
}

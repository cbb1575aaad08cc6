import type { CertificateFiles } from '@jspolicy/certificates';
import type { NamedProcess } from '../processes.ts';
import type { Resources } from '../resources.ts';
import { armMain, portOf, startService } from './service-process.ts';

export interface Floor {
  port: number;
  processes: NamedProcess[];
}

/** F0: the HTTPS floor. F1: the same with an answerer behind NATS. */
export async function startFloors(resources: Resources, certificates: CertificateFiles, nats: NatsFacts) {
  const tls = { TLS_CERT_FILE: certificates.certFile, TLS_KEY_FILE: certificates.keyFile };
  const bus = { NATS_URL: nats.url };
  const start = async (name: string, env: Record<string, string>) =>
    resources.add(await startService({ main: armMain(name), env }), (child) => child.stop());
  const [f0, f1, answerer] = await Promise.all([
    start('floor', { ...tls, NATS_URL: '' }),
    start('floor', { ...tls, ...bus }),
    start('bus-answerer', bus),
  ]);
  const F0: Floor = { port: portOf(f0), processes: [{ name: 'floor', pid: f0.pid }] };
  const F1: Floor = {
    port: portOf(f1),
    processes: [
      { name: 'floor', pid: f1.pid },
      { name: 'answerer', pid: answerer.pid },
      { name: 'nats-server', pid: nats.pid },
    ],
  };
  return { F0, F1 };
}

export interface NatsFacts {
  url: string;
  pid: number;
}

import { join } from 'node:path';
import { type CertificateFiles, ensureCertificates } from '@jspolicy/certificates';
import { natsForTest, tempDir } from '@jspolicy/testing';
import type { Resources } from '../resources.ts';
import type { NatsFacts } from './floors.ts';

/** What every arm stands on: a folder, a certificate, a NATS server. */
export interface Ground {
  dataDir: string;
  certificates: CertificateFiles;
  nats: NatsFacts;
}

export async function startGround(resources: Resources): Promise<Ground> {
  const data = await tempDir();
  await resources.add(data, () => data.remove());
  const nats = await natsForTest();
  await resources.add(nats, () => nats.stop());
  const certificates = await ensureCertificates(join(data.path, 'certificates'), {
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  return { dataDir: data.path, certificates, nats: { url: nats.url, pid: nats.server.pid } };
}

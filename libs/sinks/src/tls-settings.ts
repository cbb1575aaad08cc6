import { type Field, type SettingsOf, secret } from './fields.ts';

/** Certificates of a connection, PEM. */
export const tlsFields = {
  caSecret: secret(),
  clientCertificateSecret: secret(),
  clientKeySecret: secret(),
} satisfies Record<string, Field<unknown>>;

export type TlsSettings = Partial<SettingsOf<typeof tlsFields>>;

/** What is wrong between these settings. */
export const tlsProblems = ({ clientCertificateSecret, clientKeySecret }: TlsSettings): string[] =>
  (clientCertificateSecret === undefined) === (clientKeySecret === undefined)
    ? []
    : ['clientCertificateSecret and clientKeySecret belong together'];

/** As Node wants them. */
export const tlsOptions = ({ caSecret, clientCertificateSecret, clientKeySecret }: TlsSettings) => ({
  ...(caSecret !== undefined && { ca: caSecret }),
  ...(clientCertificateSecret !== undefined && { cert: clientCertificateSecret }),
  ...(clientKeySecret !== undefined && { key: clientKeySecret }),
});

export { type CertificateFiles, ensureCertificates } from './certificate-files.ts';
export { type CertificateOptions, type Certificates, createCertificates, DEFAULT_VALID_DAYS } from './certificates.ts';
export {
  begunAt,
  certificatesOf,
  isSigned,
  type PairFacts,
  readPair,
  type ServingPair,
  untilBegun,
  validAt,
} from './serving-pair.ts';

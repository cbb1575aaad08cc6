export { CachedReader, objectText, type ReadCluster } from './cached-reader.ts';
export { type ClusterReader, DirectReader, type ReadFrom } from './cluster-reader.ts';
export { Fetcher } from './fetch/fetcher.ts';
export { grantSettings } from './grant-settings.ts';
export { type HostFunctionParts, hostFunctions } from './host-functions.ts';
export type { ClusterWriter } from './write.ts';

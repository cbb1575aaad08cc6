export { type ClusterReader, DirectReader, type ReadFrom } from './cluster-reader.ts';
export { ENV_PREFIXES, type HostFunctionParts, hostFunctions } from './host-functions.ts';

import type { ManifestFile } from './directory/manifest-file.ts';
import type { DirectoryCluster, DirectoryOptions } from './directory/open.ts';

export type { ApiServerCluster, ApiServerOptions } from './api-server/connect.ts';
export { connectApiServer } from './api-server/connect.ts';
export type { ElectionTimes } from './api-server/election.ts';
export { installCrds } from './crds.ts';
export { jsonProblem } from './directory/json-problem.ts';
export type { ManifestFile, ManifestNotice, ManifestObject, ManifestProblem } from './directory/manifest-file.ts';
export type { ProblemFate, ProblemHandler, ToldProblem } from './directory/manifest-news.ts';
export type { DirectoryCluster, DirectoryOptions } from './directory/open.ts';
export { placeInFile, type SourcePlace } from './directory/source-place.ts';
export { Informers, type InformersOptions } from './informer/informers.ts';
export type { CopiesSize } from './informer/object-copies.ts';
export { jsPolicyProblems, type ObjectProblem, validateJsPolicy } from './js-policy-rules.ts';
export { versionWarning } from './kube-version.ts';
export { type OpenClusterOptions, type OpenedCluster, openCluster } from './open-cluster.ts';
export * from './port.ts';
export { type KnownTypes, ruleWarnings } from './rule-warnings.ts';
export {
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Requirements,
  requirementsOf,
} from './selector.ts';

/**
 * A cluster made of files; see DirectoryOptions. Resolves when everything was read once; throws when the manifests'
 * directory cannot be read. Loaded on demand: a service against an API server needs no YAML parser.
 */
export async function openDirectory(options: DirectoryOptions): Promise<DirectoryCluster> {
  return (await import('./directory/open.ts')).openDirectory(options);
}

/** Every object and problem of one file's text, for what works without a cluster. Never throws for what the text says. */
export async function readManifest(text: string, file: string): Promise<ManifestFile> {
  return (await import('./directory/manifest-file.ts')).parseManifest(text, file);
}

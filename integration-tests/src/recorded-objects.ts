import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind, recorded or read.
export type Any = any;

/** The objects of a recorded file, by kind; parts that only say `none` are left out. */
export function recorded(file: string): Record<string, Any> {
  const objects = readFileSync(file, 'utf8')
    .split(/^---$/m)
    .map((part) => parse(part))
    .filter((object) => object?.kind);
  return Object.fromEntries(objects.map((object) => [object.kind, object]));
}

/** Told anew for each object, or by the server that holds it. */
const OF_THE_SERVER = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields'];
const WRITTEN_BY_TOOLS = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'jspolicy.com/apply',
  // What this engine knows of a bundle stands with it.
  'policy.jspolicy.com/bundle-hash',
  'policy.jspolicy.com/bundle-info',
];

/** What of an object a user relies on: without times, ids and words of the tools that made it. */
export function relevant({ metadata, webhooks, ...object }: Any): Any {
  return {
    ...withoutTimes(object),
    ...(object.kind === 'JsPolicyBundle' && { spec: undefined }),
    // An empty part that some writers send.
    ...(object.kind === 'JsPolicyViolations' && { spec: undefined, status: violationsOf(object) }),
    metadata: {
      ...without(metadata, OF_THE_SERVER),
      name: metadata.name.replace(/-[a-z]{5}$/, '-SUFFIX'),
      annotations: emptyIsNone(without(metadata.annotations ?? {}, WRITTEN_BY_TOOLS)),
      ownerReferences: metadata.ownerReferences?.map((owner: Any) => without(owner, ['uid'])),
    },
    ...(webhooks && { webhooks: webhooks.map(entry) }),
  };
}

/** Where in the stream they stood, and how many there were, is this engine's own. */
const violationsOf = ({ status }: Any) =>
  withoutTimes(without(status, ['sequences', 'stream', 'totals', 'counted', 'writtenAt']));

/** The address and the authority are the place's; the engine's own namespace never passes through policies. */
const entry = ({ clientConfig, matchConditions: _, sideEffects, ...rest }: Any) => ({
  ...rest,
  // Code that makes functions of text may write, for all that is known of it.
  sideEffects: sideEffects === 'NoneOnDryRun' ? 'None' : sideEffects,
  clientConfig: { path: new URL(clientConfig.url).pathname, authority: typeof clientConfig.caBundle },
});

/** The uid is what the place calls its users. */
const OF_THE_PLACE = ['lastTransitionTime', 'timestamp', 'uid'];

function withoutTimes(value: Any): Any {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value === 'string') return inOneWord(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, OF_THE_PLACE.includes(key) ? typeof each : withoutTimes(each)]),
  );
}

/** What a bundler or npm says is its own; the words in front are the contract. */
const inOneWord = (text: string) =>
  text.replace(/^(error (bundling javascript|installing dependencies): )[\s\S]*/, '$1');

const without = (object: Any, fields: readonly string[]) =>
  Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));

const emptyIsNone = (object: object) => (Object.keys(object).length > 0 ? object : undefined);

export const scriptOf = ({ spec }: Any): string => gunzipSync(Buffer.from(spec.bundle, 'base64')).toString();

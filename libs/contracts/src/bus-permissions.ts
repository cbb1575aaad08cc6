import {
  BUNDLES_BUCKET,
  COMPILE_SUBJECT,
  COMPILER_QUEUE,
  DEAD_STREAM,
  DEAD_SUBJECTS,
  EVALUATE_SUBJECTS,
  EVALUATOR_QUEUE,
  POLICIES_BUCKET,
  QUARANTINES_BUCKET,
  VIOLATION_SUBJECTS,
  VIOLATIONS_STREAM,
} from './bus.ts';
import { EVALUATORS_SUBJECT, IN_FORCE_INBOX, IN_FORCE_SUBJECTS } from './in-force.ts';
import { SINK_RETRY_QUEUE, SINK_RETRY_SUBJECT } from './violation-sink.ts';
import { WORK_CLAIMS_BUCKET, WORK_STREAM, WORK_SUBJECTS } from './work.ts';

export const BUS_SERVICES = ['gateway', 'evaluator', 'compiler', 'controller', 'audit', 'cli'] as const;
/** The command line is a user too: it reads violations, and has what could not be delivered delivered again. */
export type BusService = (typeof BUS_SERVICES)[number];

/** What a user of NATS may do, as the server's configuration says it: `allow` of publish and of subscribe. */
export interface BusPermissions {
  publish: string[];
  subscribe: string[];
}

/** Answers to a service come below this; nobody else may listen there. */
export const inboxPrefix = (service: BusService): string => `_INBOX.${service}`;

/** Exactly what each service needs to do its work, and nothing of what is another's. */
export function busPermissions(service: BusService): BusPermissions {
  const { publish, subscribe = [] } = OWN[service];
  return {
    publish: [...new Set(publish)].sort(),
    subscribe: [`${inboxPrefix(service)}.>`, ...subscribe].sort(),
  };
}

const api = (verb: string, stream: string, rest = ''): string => `$JS.API.${verb}.${stream}${rest}`;
const kv = (bucket: string): string => `KV_${bucket}`;
const objects = (bucket: string): string => `OBJ_${bucket}`;

const STREAMS = [
  ...[POLICIES_BUCKET, QUARANTINES_BUCKET, WORK_CLAIMS_BUCKET].map(kv),
  objects(BUNDLES_BUCKET),
  VIOLATIONS_STREAM,
  DEAD_STREAM,
  WORK_STREAM,
];

/** Makes what is missing; creating what is there changes nothing. */
const topology = ['$JS.API.INFO', ...STREAMS.flatMap((name) => [api('STREAM.CREATE', name), api('STREAM.INFO', name)])];

/** `$JS.ACK.<stream>` has a domain and an account before it in later servers. */
const acknowledge = (stream: string): string[] => [`$JS.ACK.${stream}.>`, `$JS.ACK.*.*.${stream}.>`];

/**
 * Takes messages of durable consumers. Names of consumers are one token of a subject, of which a permission can say all or one:
 * whoever may do this may empty and change every consumer of the stream. So one service alone has consumers on a stream.
 */
const consume = (stream: string): string[] => [
  '$JS.API.INFO',
  api('STREAM.INFO', stream),
  api('CONSUMER.INFO', stream, '.*'),
  api('CONSUMER.MSG.NEXT', stream, '.*'),
  ...acknowledge(stream),
];

/** Reads by position, and leaves nothing on the server. */
const look = (stream: string): string[] => ['$JS.API.INFO', api('STREAM.INFO', stream), api('STREAM.MSG.GET', stream)];

/**
 * Follows what changes. The server pushes it to a consumer that the client names by chance: several services have some on the
 * stream, and nobody may list them. The server holds the name in the subject to be that of the request.
 */
const follow = (stream: string, subjects: string): string[] => [
  api('CONSUMER.CREATE', stream, `.*.${subjects}`),
  api('CONSUMER.INFO', stream, '.*'),
  // The client removes one that fell silent, and makes another.
  api('CONSUMER.DELETE', stream, '.*'),
  // Flow control of what the server pushes.
  `$JS.FC.${stream}.>`,
];

const readMessages = (stream: string, subjects: string): string[] => [
  ...look(stream),
  ...follow(stream, subjects),
  api('DIRECT.GET', stream),
  api('DIRECT.GET', stream, '.>'),
];
const readKeys = (bucket: string): string[] => readMessages(kv(bucket), `$KV.${bucket}.>`);
const writeKeys = (bucket: string): string[] => [
  '$JS.API.INFO',
  api('STREAM.INFO', kv(bucket)),
  // A key that exists is told from one that was deleted by looking at it.
  api('DIRECT.GET', kv(bucket), '.>'),
  api('STREAM.MSG.GET', kv(bucket)),
  `$KV.${bucket}.>`,
];
const readObjects = (bucket: string): string[] => readMessages(objects(bucket), `$O.${bucket}.>`);
const writeObjects = (bucket: string): string[] => [
  ...readObjects(bucket),
  `$O.${bucket}.C.>`,
  `$O.${bucket}.M.>`,
  // The pieces of what is removed or replaced.
  api('STREAM.PURGE', objects(bucket)),
];

const OWN: Record<BusService, { publish: string[]; subscribe?: string[] }> = {
  gateway: { publish: [EVALUATE_SUBJECTS] },
  evaluator: {
    subscribe: [`${EVALUATE_SUBJECTS} ${EVALUATOR_QUEUE}`, IN_FORCE_SUBJECTS],
    publish: [
      `${inboxPrefix('gateway')}.>`,
      EVALUATORS_SUBJECT,
      `${inboxPrefix('controller')}.${IN_FORCE_INBOX}.>`,
      ...topology,
      ...readKeys(POLICIES_BUCKET),
      ...readObjects(BUNDLES_BUCKET),
      ...writeKeys(QUARANTINES_BUCKET),
      ...consume(WORK_STREAM),
      // One for each policy, of the policy's work alone.
      api('CONSUMER.CREATE', WORK_STREAM, `.*.${WORK_SUBJECTS}`),
      ...writeKeys(WORK_CLAIMS_BUCKET),
      VIOLATION_SUBJECTS,
      DEAD_SUBJECTS,
    ],
  },
  compiler: {
    subscribe: [`${COMPILE_SUBJECT} ${COMPILER_QUEUE}`],
    publish: [`${inboxPrefix('controller')}.>`],
  },
  controller: {
    subscribe: [EVALUATORS_SUBJECT],
    publish: [
      COMPILE_SUBJECT,
      IN_FORCE_SUBJECTS,
      ...topology,
      // The number of copies; of the record of violations audit keeps it.
      ...STREAMS.filter((name) => name !== VIOLATIONS_STREAM).map((name) => api('STREAM.UPDATE', name)),
      ...readKeys(POLICIES_BUCKET),
      ...writeKeys(POLICIES_BUCKET),
      ...writeObjects(BUNDLES_BUCKET),
      ...readKeys(QUARANTINES_BUCKET),
      WORK_SUBJECTS,
      api('STREAM.PURGE', WORK_STREAM),
    ],
  },
  cli: {
    publish: [
      SINK_RETRY_SUBJECT,
      ...look(VIOLATIONS_STREAM),
      ...look(DEAD_STREAM),
      api('STREAM.MSG.DELETE', DEAD_STREAM),
    ],
  },
  audit: {
    subscribe: [`${SINK_RETRY_SUBJECT} ${SINK_RETRY_QUEUE}`],
    publish: [
      `${inboxPrefix('cli')}.>`,
      ...topology,
      ...consume(VIOLATIONS_STREAM),
      api('STREAM.UPDATE', VIOLATIONS_STREAM),
      // Statuses, reports, and sinks: a durable consumer each, with a filter or none, and readers without a name.
      api('CONSUMER.CREATE', VIOLATIONS_STREAM),
      api('CONSUMER.CREATE', VIOLATIONS_STREAM, '.>'),
      api('CONSUMER.DURABLE.CREATE', VIOLATIONS_STREAM, '.*'),
      api('CONSUMER.DELETE', VIOLATIONS_STREAM, '.*'),
      // Sinks: who delivers by turns, how old what waits is, and dead letters once more.
      api('CONSUMER.LIST', VIOLATIONS_STREAM),
      api('STREAM.MSG.GET', VIOLATIONS_STREAM),
      ...writeKeys(WORK_CLAIMS_BUCKET),
      api('STREAM.MSG.GET', DEAD_STREAM),
      api('STREAM.MSG.DELETE', DEAD_STREAM),
      ...readKeys(POLICIES_BUCKET),
      DEAD_SUBJECTS,
    ],
  },
};

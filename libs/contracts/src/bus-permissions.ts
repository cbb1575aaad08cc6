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

/** Consumers without a name: they are the client's own. */
const follow = (stream: string): string[] => [
  '$JS.API.INFO',
  api('STREAM.INFO', stream),
  api('CONSUMER.CREATE', stream),
  api('CONSUMER.CREATE', stream, '.>'),
  api('CONSUMER.INFO', stream, '.*'),
  api('CONSUMER.DELETE', stream, '.*'),
  api('CONSUMER.MSG.NEXT', stream, '.*'),
  // Flow control of what the server pushes.
  `$JS.FC.${stream}.>`,
];

/** `$JS.ACK.<stream>` has a domain and an account before it in later servers. */
const acknowledge = (stream: string): string[] => [`$JS.ACK.${stream}.>`, `$JS.ACK.*.*.${stream}.>`];
const consume = (stream: string): string[] => [
  ...follow(stream),
  api('CONSUMER.DURABLE.CREATE', stream, '.*'),
  ...acknowledge(stream),
];

const readMessages = (stream: string): string[] => [
  ...follow(stream),
  api('DIRECT.GET', stream),
  api('DIRECT.GET', stream, '.>'),
  api('STREAM.MSG.GET', stream),
];
const readKeys = (bucket: string): string[] => readMessages(kv(bucket));
const writeKeys = (bucket: string): string[] => [
  '$JS.API.INFO',
  api('STREAM.INFO', kv(bucket)),
  // A key that exists is told from one that was deleted by looking at it.
  api('DIRECT.GET', kv(bucket), '.>'),
  api('STREAM.MSG.GET', kv(bucket)),
  `$KV.${bucket}.>`,
];
const readObjects = (bucket: string): string[] => readMessages(objects(bucket));
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
    subscribe: [`${EVALUATE_SUBJECTS} ${EVALUATOR_QUEUE}`],
    publish: [
      `${inboxPrefix('gateway')}.>`,
      ...topology,
      ...readKeys(POLICIES_BUCKET),
      ...readObjects(BUNDLES_BUCKET),
      ...writeKeys(QUARANTINES_BUCKET),
      ...consume(WORK_STREAM),
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
    publish: [
      COMPILE_SUBJECT,
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
      '$JS.API.INFO',
      ...follow(VIOLATIONS_STREAM),
      api('STREAM.INFO', DEAD_STREAM),
      api('STREAM.MSG.GET', DEAD_STREAM),
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
      // Sinks: a consumer each, who delivers by turns, how old what waits is, and dead letters once more.
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

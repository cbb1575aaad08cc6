import type { SinkTypeName } from '@jspolicy/contracts';
import type { SinkType } from './port.ts';
import { elasticsearch } from './types/elasticsearch.ts';
import { file } from './types/file.ts';
import { kafka } from './types/kafka.ts';
import { kubernetesEvents } from './types/kubernetes-events.ts';
import { loki } from './types/loki.ts';
import { nats } from './types/nats.ts';
import { otlp } from './types/otlp.ts';
import { s3 } from './types/s3.ts';
import { slack } from './types/slack.ts';
import { stdout } from './types/stdout.ts';
import { syslog } from './types/syslog.ts';
import { teams } from './types/teams.ts';
import { webhook } from './types/webhook.ts';

export const SINKS: Record<SinkTypeName, SinkType> = {
  webhook,
  slack,
  teams,
  kafka,
  nats,
  s3,
  loki,
  elasticsearch,
  syslog,
  otlp,
  'kubernetes-events': kubernetesEvents,
  stdout,
  file,
};

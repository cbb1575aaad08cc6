export { freePort, type KubeApiServer, type KubeUser, type NatsServer } from '@jspolicy/servers';
export { type AdmissionReviewOptions, admissionReview } from './admission-review.ts';
export { kubeForTest } from './kube-for-test.ts';
export { type KubeAnswer, type KubeRequestOptions, kubeRequest } from './kube-request.ts';
export { natsClusterForTest, type TestNatsCluster } from './nats-cluster-for-test.ts';
export { natsForTest, type TestNats } from './nats-for-test.ts';
export { type PodOptions, pod, podOfSize } from './pod.ts';
export {
  type KafkaBroker,
  type KafkaMessage,
  kafkaForTest,
} from './sink-servers/kafka-broker.ts';
export { type LokiServer, type LokiStream, lokiForTest } from './sink-servers/loki-server.ts';
export { type OtelCollector, otelCollectorForTest } from './sink-servers/otel-collector.ts';
export {
  type RsyslogMessage,
  type RsyslogServer,
  type RsyslogTls,
  rsyslogForTest,
} from './sink-servers/rsyslog-server.ts';
export { type S3Server, s3ForTest } from './sink-servers/s3-server.ts';
export { type ProcessOptions, startProcess, type TestProcess } from './start-process.ts';
export { type TempDir, tempDir, withTempDir } from './temp-dir.ts';
export { violationEventProblems } from './violation-event-schema.ts';
export { type WaitOptions, waitFor } from './wait-for.ts';

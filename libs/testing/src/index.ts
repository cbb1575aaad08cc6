export { freePort, type KubeApiServer, type KubeUser, type NatsServer } from '@jspolicy/servers';
export { type AdmissionReviewOptions, admissionReview } from './admission-review.ts';
export { kubeForTest } from './kube-for-test.ts';
export { type KubeAnswer, type KubeRequestOptions, kubeRequest } from './kube-request.ts';
export { natsForTest, type TestNats } from './nats-for-test.ts';
export { type PodOptions, pod, podOfSize } from './pod.ts';
export { type ProcessOptions, startProcess, type TestProcess } from './start-process.ts';
export { type TempDir, tempDir, withTempDir } from './temp-dir.ts';
export { type WaitOptions, waitFor } from './wait-for.ts';

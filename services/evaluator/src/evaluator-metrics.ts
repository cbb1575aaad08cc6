import type { Metrics } from '@jspolicy/runtime';

export type EvaluatorMetrics = ReturnType<typeof evaluatorMetrics>;

/** All bounds that jsPolicy has, for whoever named one in an alert, and finer ones at the start, where decisions are. */
const SECONDS = [
  ...[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8,
    0.9,
  ],
  ...[1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
];

/** The first two have the names and labels that dashboards of jsPolicy users read. */
export function evaluatorMetrics(metrics: Metrics) {
  return {
    executions: metrics.counter({
      name: 'policy_execution_total',
      help: 'Evaluations by the code that the policy came to, whatever its violationPolicy makes of it',
      labels: ['type', 'name', 'code'],
    }),
    seconds: metrics.histogram({
      name: 'policy_execution_duration_seconds',
      help: 'Time from the request to its answer',
      labels: ['type', 'name'],
      buckets: SECONDS,
    }),
    refused: metrics.counter({
      name: 'jspolicy_evaluator_refused_total',
      help: 'Requests that were not evaluated, by error code',
      labels: ['code'],
    }),
    inFlight: metrics.gauge({ name: 'jspolicy_evaluator_in_flight', help: 'Requests in flight' }),
    work: metrics.counter({
      name: 'jspolicy_evaluator_work_total',
      help: 'Objects that Controller policies had their turn with, by how it ended',
      labels: ['name', 'end'],
    }),
    workInFlight: metrics.gauge({ name: 'jspolicy_evaluator_work_in_flight', help: 'Objects that are worked on' }),
    quarantines: metrics.counter({
      name: 'jspolicy_evaluator_quarantines_total',
      help: 'Times that a policy which ended sandbox processes was told to wait',
    }),
    informerObjects: metrics.gauge({
      name: 'jspolicy_informer_objects',
      help: 'Objects of a kind that are copied for get() and list()',
      labels: ['kind'],
    }),
    informerBytes: metrics.gauge({
      name: 'jspolicy_informer_bytes',
      help: 'Bytes that the copies of a kind take',
      labels: ['kind'],
    }),
    violationsEmitted: metrics.counter({
      name: 'jspolicy_violations_emitted_total',
      help: 'Violations that policies made, repetitions too',
    }),
    violationsSpooled: metrics.counter({
      name: 'jspolicy_violations_spooled_total',
      help: 'Violations that waited on the disk for the stream',
    }),
    spoolBytes: metrics.gauge({ name: 'jspolicy_violation_spool_bytes', help: 'Violations that wait on the disk' }),
    violations: metrics.counter({ name: 'jspolicy_violations_total', help: 'Violations that the stream took' }),
    violationsLost: metrics.counter({
      name: 'jspolicy_violations_lost_total',
      help: 'Violations that neither the stream nor the disk could take',
    }),
    violationsAside: metrics.counter({
      name: 'jspolicy_violations_put_aside_total',
      help: 'Lines of spools that can never be sent: they are in a file *.bad of the spool directory',
    }),
  };
}

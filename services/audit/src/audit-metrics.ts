import type { Metrics } from '@jspolicy/runtime';

export function auditMetrics(metrics: Metrics) {
  return {
    consumed: metrics.counter({
      name: 'jspolicy_violations_consumed_total',
      help: 'Violations taken from the stream',
    }),
    writes: metrics.counter({ name: 'jspolicy_violation_status_writes_total', help: 'Writes of JsPolicyViolations' }),
    dead: metrics.counter({
      name: 'jspolicy_violations_dead_total',
      help: 'Violations that cannot be handled, kept in JSPOLICY_DEAD',
    }),
    reportWrites: metrics.counter({
      name: 'jspolicy_report_writes_total',
      help: 'Reports that were written or removed',
    }),
    reports: metrics.gauge({ name: 'jspolicy_reports', help: 'Reports that this replica keeps' }),
    pending: metrics.gauge({
      name: 'jspolicy_violations_pending',
      help: 'Violations in the stream that no replica has handled yet',
    }),
  };
}

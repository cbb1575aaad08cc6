import type { Metrics } from '@jspolicy/runtime';

export type SinkMetrics = ReturnType<typeof sinkMetrics>;

export function sinkMetrics(metrics: Metrics) {
  const labels = ['sink'] as const;
  return {
    delivered: metrics.counter({ name: 'jspolicy_sink_delivered_total', help: 'Violations that a sink took', labels }),
    failed: metrics.counter({ name: 'jspolicy_sink_failed_total', help: 'Attempts of a sink that failed', labels }),
    dead: metrics.counter({
      name: 'jspolicy_sink_dead_total',
      help: 'Violations that a sink refused for good',
      labels,
    }),
    dropped: metrics.counter({
      name: 'jspolicy_sink_dropped_total',
      help: 'Violations that age or size took from the stream before a sink had them',
      labels,
    }),
    undecided: metrics.counter({
      name: 'jspolicy_sink_undecided_total',
      help: 'Violations that were sent because the filter of a sink could not be told for them',
      labels,
    }),
    pending: metrics.gauge({ name: 'jspolicy_sink_pending', help: 'Violations that wait for a sink', labels }),
    lag: metrics.gauge({
      name: 'jspolicy_sink_lag_seconds',
      help: 'Age of the oldest violation that waits for a sink',
      labels,
    }),
  };
}

/** Of a sink that is gone. */
export function forgetSink(metrics: SinkMetrics, sink: string): void {
  for (const metric of Object.values(metrics)) metric.remove({ sink });
}

import type { Metrics } from '@jspolicy/runtime';

export function controllerMetrics(metrics: Metrics) {
  return {
    leads: metrics.gauge({ name: 'jspolicy_controller_leader', help: '1 while this replica leads' }),
    writes: metrics.counter({
      name: 'jspolicy_controller_writes_total',
      help: 'Writes into the cluster',
      labels: ['verb', 'kind'],
    }),
  };
}

import type { Metrics } from '@jspolicy/runtime';

export function controllerMetrics(metrics: Metrics) {
  return {
    leads: metrics.gauge({ name: 'jspolicy_controller_leader', help: '1 while this replica leads' }),
    writes: metrics.counter({
      name: 'jspolicy_controller_writes_total',
      help: 'Writes into the cluster',
      labels: ['verb', 'kind'],
    }),
    queued: metrics.counter({
      name: 'jspolicy_controller_work_queued_total',
      help: 'Objects that were queued for Controller policies',
      labels: ['name'],
    }),
  };
}

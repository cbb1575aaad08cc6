import type { AuditResult } from './audit.ts';
import type { Estimate } from './statistics.ts';
import { figure, table } from './table.ts';

const withInterval = ({ median, low, high }: Estimate): string =>
  `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;

/** The part `audit` as text. */
export const auditText = ({ rates, drain, cost }: AuditResult): string =>
  [ratesText(rates), drainText(drain), costText(cost)].join('\n\n');

function ratesText(rates: AuditResult['rates']): string {
  const rows = rates.map(({ publishers, raw, stream, streamRatio, toStream, toStatus, toSink }) => [
    String(publishers),
    figure(raw.median),
    figure(stream.median),
    withInterval(streamRatio),
    ...[toStream, toStatus, toSink].flatMap((rate) => [figure(rate), (rate / raw.median).toFixed(2)]),
  ]);
  const alone = ['publishers', 'client', 'stream', 'stream/client (95 %)'];
  const together = ['to stream', 'ratio', 'to status', 'ratio', 'to webhook', 'ratio'];
  return `Violations per second: into a record that nobody reads, then with statuses and a sink at the same time\n${table([...alone, ...together], rows)}`;
}

function drainText({ events, statusSeconds, sinkSeconds, startMiB, peakMiB, endMiB }: AuditResult['drain']): string {
  const sizes = [startMiB, peakMiB, endMiB].map((each) => each.toFixed(1));
  return `${events} events that waited: in the statuses after ${figure(statusSeconds)} s, at the webhook after ${figure(sinkSeconds)} s; audit has ${sizes[0]} MiB resident at its start, ${sizes[1]} at most, ${sizes[2]} then`;
}

function costText({ requestsPerArm, allowed, denied, allowedRatio, deniedRatio }: AuditResult['cost']): string {
  const rows = [
    ['allowed', figure(allowed.skip), figure(allowed.log), withInterval(allowedRatio)],
    ['denied', figure(denied.skip), figure(denied.log), withInterval(deniedRatio)],
  ];
  const heading = ['review', 'p50 without', 'p50 with', 'ratio (95 %)'];
  return `Auditing's cost for a review, ms, ${requestsPerArm} of each\n${table(heading, rows)}`;
}

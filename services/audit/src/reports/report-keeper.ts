import { hostname } from 'node:os';
import type { Running } from '@jspolicy/bus';
import { type ReportParts, ReportTerm } from './report-term.ts';

const LEASE = 'jspolicy-audit-reports';

/** Has one of the replicas keep the reports, and another one when that ends. */
export function keepReports(parts: ReportParts): Running {
  let term: ReportTerm | undefined;
  let stopped = false;
  const ending = new Set<Promise<void>>();
  const end = () => {
    const ended = term?.stop();
    term = undefined;
    if (ended) ending.add(ended.finally(() => ending.delete(ended)));
  };
  const election = parts.cluster.elect(LEASE, `${hostname()}-${process.pid}`, {
    onAcquired: () => {
      end();
      if (!stopped) term = new ReportTerm(parts);
    },
    onLost: end,
  });
  return {
    async stop() {
      stopped = true;
      await term?.stop();
      await election.stop();
      await Promise.all(ending);
    },
  };
}

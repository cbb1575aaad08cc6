import type { ViolationAction, ViolationEvent } from '@jspolicy/contracts';
import { violationEntry } from '@jspolicy/policy';

const SOURCE = 'JsPolicy';
const RESULTS = { Deny: 'fail', Warn: 'warn', Dry: 'skip' } as const;
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
const ANNOTATIONS = { category: 'policy.jspolicy.com/category', severity: 'policy.jspolicy.com/severity' };

/** A result of a report, in the words that wgpolicyk8s.io and openreports.io share. */
export interface ReportResult {
  source: string;
  policy: string;
  category?: string;
  severity?: string;
  result: (typeof RESULTS)[keyof typeof RESULTS];
  message?: string;
  resources: { apiVersion?: string; kind?: string; namespace?: string; name?: string; uid?: string }[];
  properties: Record<string, string>;
  timestamp: { seconds: number; nanos: number };
}

/** Reports are about what was asked of the API server in earnest. */
export const isReported = ({ data: { action, dryRun } }: ViolationEvent): boolean => action !== 'Controller' && !dryRun;

/** The violation as a result, without what the policy's annotations add. Only for what isReported(). */
export function reportResult(event: ViolationEvent): ReportResult {
  const { policy, action, object, request } = event.data;
  const { message, reason = '', code = 0, requestInfo, userInfo } = violationEntry(event);
  const { apiVersion, kind, namespace, name } = request;
  const seconds = Math.floor(Date.parse(event.time) / 1000);
  return {
    source: SOURCE,
    policy,
    result: RESULTS[action as Exclude<ViolationAction, 'Controller'>],
    ...(message && { message }),
    resources: [
      {
        ...(apiVersion && { apiVersion }),
        ...(kind && { kind }),
        ...(namespace && { namespace }),
        ...(name && { name }),
        ...(object.uid && { uid: object.uid }),
      },
    ],
    properties: {
      operation: requestInfo.operation ?? '',
      reason,
      code: String(code),
      'userinfo.username': userInfo.username ?? '',
      ...(userInfo.uid && { 'userinfo.uuid': userInfo.uid }),
    },
    timestamp: { seconds, nanos: 0 },
  };
}

/** With category and severity of the policy; a severity that reports do not know is left out. */
export function annotated(result: ReportResult, annotations: Record<string, string> = {}): ReportResult {
  const category = annotations[ANNOTATIONS.category];
  const severity = annotations[ANNOTATIONS.severity]?.toLowerCase();
  return {
    ...result,
    ...(category && { category }),
    ...(severity && SEVERITIES.includes(severity) && { severity }),
  };
}

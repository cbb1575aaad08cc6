import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VIOLATION_EVENT_TYPE, type ViolationEvent } from '@jspolicy/contracts';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ReportModel } from './report-model.ts';
import { reportObject } from './report-object.ts';
import type { ReportResult } from './report-result.ts';

const folder = process.env['JSPOLICY_ORACLE_DIR'];
const type = (kind: string, namespaced: boolean) => {
  const resource = `${kind.toLowerCase()}s`;
  return { group: 'wgpolicyk8s.io', version: 'v1alpha2', kind, resource, namespaced };
};
const API = { report: type('PolicyReport', true), clusterReport: type('ClusterPolicyReport', false), source: false };
const ACTIONS = { fail: 'Deny', warn: 'Warn', skip: 'Dry' } as const;

interface Recorded {
  kind: string;
  metadata: { namespace?: string };
  results: ReportResult[];
}

/** The violation that a recorded result tells of. */
function eventOf({ policy, result, message, resources, properties, timestamp }: ReportResult, ofCluster: boolean) {
  const [{ apiVersion = '', kind = '', namespace = '', name = '', uid = '' } = {}] = resources;
  const object = { apiVersion, kind, name, uid, ...(!ofCluster && { namespace }) };
  const event: ViolationEvent = {
    specversion: '1.0',
    id: `${uid}.${policy}`,
    source: '/clusters/recorded',
    type: VIOLATION_EVENT_TYPE,
    subject: `${apiVersion}/${kind}/${name}`,
    time: new Date(timestamp.seconds * 1000).toISOString(),
    datacontenttype: 'application/json',
    data: {
      policy,
      policyUid: 'p',
      revision: 1,
      type: 'Validating',
      action: ACTIONS[result],
      code: Number(properties['code']),
      reason: properties['reason'] ?? '',
      message: message ?? '',
      request: { operation: properties['operation'] ?? '', apiVersion, kind, namespace, name },
      user: { username: properties['userinfo.username'] ?? '', uid: properties['userinfo.uuid'] ?? '' },
      object,
      dryRun: false,
      evaluator: 'e',
    },
  };
  return event;
}

const recorded: Recorded[] = folder
  ? parseAllDocuments(readFileSync(join(folder, 'golden/policy-reports.golden.yaml'), 'utf8')).flatMap(
      (document) => (document.toJSON() as { items?: Recorded[] } | null)?.items ?? [],
    )
  : [];

describe.runIf(folder)('as recorded', () => {
  test.each(recorded)('the results of a $kind', ({ kind, results, metadata }) => {
    const model = new ReportModel({ maxEvents: 50, maxReports: 100 });
    for (const result of results) model.add(eventOf(result, kind === 'ClusterPolicyReport'));
    const annotations = new Map(
      results.map(({ policy, category, severity }) => [
        policy,
        {
          ...(category && { 'policy.jspolicy.com/category': category }),
          ...(severity && { 'policy.jspolicy.com/severity': severity }),
        },
      ]),
    );
    const reports = [...model.all()].map((resource) =>
      reportObject(resource, API, (policy) => annotations.get(policy)),
    );
    expect(reports.map((report) => report.kind)).toEqual(reports.map(() => kind));
    expect(reports.map((report) => report.metadata.namespace)).toEqual(reports.map(() => metadata.namespace));
    // One report for each resource in place of one for all: together they say the same.
    expect(reports.flatMap((report) => report.results)).toEqual(results);
  });
});

test('results of a resource are in its report, of a namespace or of the cluster', () => {
  const model = new ReportModel({ maxEvents: 50, maxReports: 100 });
  const timestamp = { seconds: 1, nanos: 0 };
  const result = (namespace?: string): ReportResult => ({
    source: 'JsPolicy',
    policy: 'p.report.example',
    result: 'skip',
    message: 'm',
    resources: [{ apiVersion: 'v1', kind: 'Thing', name: 'a', uid: 'u', ...(namespace && { namespace }) }],
    properties: { operation: 'UPDATE', reason: 'r', code: '1', 'userinfo.username': 'n', 'userinfo.uuid': 'i' },
    timestamp,
  });
  model.add(eventOf(result('shop'), false));
  model.add(eventOf(result(), true));
  const reports = [...model.all()].map((resource) => reportObject(resource, API, () => undefined));
  expect(reports).toMatchObject([
    { kind: 'PolicyReport', metadata: { namespace: 'shop' }, results: [result('shop')], summary: { skip: 1 } },
    { kind: 'ClusterPolicyReport', results: [result()], scope: { kind: 'Thing', name: 'a', uid: 'u' } },
  ]);
  expect(new Set(reports.map(({ metadata }) => metadata.name)).size).toBe(2);
});

import { glob, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { failure, findHelm, findObject, renderChart } from './helm.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Everything in which services name their metrics. */
async function metricSources(): Promise<string> {
  const texts: string[] = [];
  for await (const name of glob('{services,libs}/*/src/**/*.ts', { cwd: ROOT }))
    texts.push(await readFile(join(ROOT, name), 'utf8'));
  return texts.join('\n');
}

// Where it has to be built the first test would wait too long.
beforeAll(findHelm);

const named = 'monitoring by the chart';
test(`${named}: the dashboard shows metrics that there are`, async () => {
  const { data } = findObject(
    await renderChart({ set: ['dashboard.enabled=true'] }),
    'ConfigMap',
    'jspolicy-dashboard',
  );
  const { panels } = JSON.parse((data as Record<string, string>)['jspolicy.json'] ?? '') as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  expect(panels.length).toBeGreaterThan(0);
  const sources = await metricSources();
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      const metrics = [...expr.matchAll(/\b(jspolicy|policy)_[a-z_]+/g)].map(([metric]) =>
        metric.replace(/_bucket$/, ''),
      );
      expect(metrics, title).not.toEqual([]);
      for (const metric of metrics) expect(sources.includes(`'${metric}'`), `${metric} of ${title}`).toBe(true);
    }
});

test(`${named}: each alert is told of in docs/operations.md, and of metrics that there are`, async () => {
  const rule = findObject(
    await renderChart({ set: ['prometheusRule={"enabled":true}'] }),
    'PrometheusRule',
    'jspolicy',
  );
  const { groups } = rule['spec'] as { groups: { rules: { alert: string; expr: string }[] }[] };
  const [operations, sources] = await Promise.all([
    readFile(join(ROOT, 'docs/operations.md'), 'utf8'),
    metricSources(),
  ]);
  for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
    expect(operations).toContain(`| ${alert} |`);
    for (const [metric] of expr.matchAll(/\b(jspolicy|policy)_[a-z_]+/g))
      expect(sources.includes(`'${metric}'`), `${metric} of ${alert}`).toBe(true);
  }
});

test(`${named}: that nobody is there is told too`, async () => {
  const { spec } = findObject(
    await renderChart({ set: ['prometheusRule.enabled=true'] }),
    'PrometheusRule',
    'jspolicy',
  );
  const { groups } = spec as { groups: { rules: { alert: string; expr: string }[] }[] };
  const expr = (name: string) => groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === name)?.expr;
  // A comparison of no series is no alert.
  expect(expr('JsPolicyNoLeader')).toBe('(sum(jspolicy_controller_leader) or vector(0)) < 1');
  expect(expr('JsPolicyNoGateway')).toBe('absent(jspolicy_gateway_certificate_remaining_seconds)');
});

test(`${named}: what needs other operators is there when it is asked for`, async () => {
  const set = [
    'serviceMonitor={"enabled":true}',
    'prometheusRule={"enabled":true}',
    'dashboard={"enabled":true}',
    'certificate={"certManager":{"enabled":true}}',
    'evaluator={"autoscaling":{"enabled":true,"prometheusUrl":"http://prometheus:9090"}}',
  ];
  const pods = await renderChart({ set: ['podMonitor.enabled=true'] });
  expect(pods.map(({ kind }) => kind)).toContain('PodMonitor');
  const kinds = async (apis: string[]) => (await renderChart({ set, apis })).map(({ kind }) => kind);
  const own = ['ServiceMonitor', 'PrometheusRule', 'Certificate', 'Issuer'];
  expect(await kinds([])).toEqual(expect.arrayContaining([...own, 'HorizontalPodAutoscaler']));
  expect(await kinds(['keda.sh/v1alpha1'])).toEqual(expect.arrayContaining([...own, 'ScaledObject']));
  const none = (await renderChart()).map(({ kind }) => kind);
  for (const kind of [...own, 'PodMonitor', 'ScaledObject', 'HorizontalPodAutoscaler'])
    expect(none).not.toContain(kind);
});

test(`${named}: a kind that the cluster has not is told by the value that asks for it, where kinds are known`, async () => {
  const set = [
    'podMonitor={"enabled":true}',
    'prometheusRule={"enabled":true}',
    'certificate={"certManager":{"enabled":true}}',
    'evaluator={"autoscaling":{"enabled":true,"prometheusUrl":"http://prometheus:9090"}}',
  ];
  expect(await failure({ set })).toBe('rendered');
  // As an API server's, and those that Argo CD tells.
  const known = ['apps/v1', 'apps/v1/Deployment', 'monitoring.coreos.com/v1/PodMonitor'];
  const said = await failure({ set, apis: known });
  expect(said).toContain('certificate.certManager.enabled needs cert-manager, and the cluster has no kind Certificate');
  expect(said).toContain('prometheusRule.enabled needs the Prometheus operator, and the cluster has no kind');
  expect(said).toContain('evaluator.autoscaling.prometheusUrl needs KEDA');
  expect(said).not.toContain('podMonitor.enabled');
  expect(await failure({ set: ['podMonitor.enabled=true'], apis: known })).toBe('rendered');
});

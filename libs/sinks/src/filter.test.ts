import type { SinkFilter } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { violation } from './events.test-part.ts';
import { filterOf } from './index.ts';

const clusterWide = { object: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' } };

test.each<[boolean, SinkFilter, object]>([
  [true, {}, {}],
  [true, { policies: ['no-latest.example.com'] }, {}],
  [false, { policies: ['no-latest'] }, {}],
  [true, { policies: ['a', '*.example.com'] }, {}],
  [false, { policies: ['noXlatest.example.com'] }, {}],
  [true, { namespaces: ['sh*'] }, {}],
  [false, { namespaces: ['prod-*'] }, {}],
  [false, { namespaces: ['shop'] }, clusterWide],
  [true, { namespaces: [''] }, clusterWide],
  [false, { actions: ['Warn'] }, {}],
  [true, { actions: ['Warn', 'Deny'] }, {}],
  [false, { policies: ['*'], actions: ['Dry'] }, {}],
  [true, { expression: 'event.data.code == 403' }, {}],
  [true, { expression: 'event.data.code > 400 && event.data.code < 500' }, {}],
  [false, { expression: 'event.data.user.username.startsWith("system:")' }, {}],
  [true, { expression: '"system:authenticated" in event.data.user.groups' }, {}],
  [true, { expression: 'event.data.object.kind in ["Pod", "Job"] && !event.data.dryRun' }, {}],
  [false, { expression: 'has(event.data.object.labels)' }, {}],
  // There are no labels: it cannot be judged, and is not lost.
  [true, { expression: 'event.data.object.labels.team == "a"' }, {}],
  [true, { expression: 'event.data.evaluationMs < 2.5' }, { evaluationMs: 1.5 }],
])('%s: %j', (wanted, filter, data) => {
  expect(filterOf(filter)(violation(1, data))).toBe(wanted);
});

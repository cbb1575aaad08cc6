import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SINK_TYPES, type ViolationSink } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { sinkProblems } from './index.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../../docs/sinks.md');
const examples = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms)].map(
  ([, text = '']) => parse(text) as ViolationSink,
);

test('docs/sinks.md has an example of each type', () => {
  expect(new Set(examples.map(({ spec }) => spec.type))).toEqual(new Set(SINK_TYPES));
});

test.each(examples.map((example) => [example.metadata.name, example] as const))(
  'the example %s can be used',
  (_name, example) => {
    expect(example).toMatchObject({ apiVersion: 'policy.jspolicy.com/v1beta1', kind: 'ViolationSink' });
    expect(sinkProblems(example.spec)).toEqual([]);
  },
);

import { expect, test } from 'vitest';
import { parseManifest } from './manifest-file.ts';
import { placeInFile } from './source-place.ts';

const policy = (javascript: string) => `apiVersion: policy.jspolicy.com/v1beta1
kind: JsPolicy
metadata:
  name: a.example.com
spec:
  operations: [CREATE]
  resources: [pods]
  javascript: ${javascript}
`;

function placeOf(javascript: string, line: number, column: number) {
  const { objects, problems } = parseManifest(policy(javascript), 'a.yaml');
  expect(problems).toEqual([]);
  const source = objects[0]?.source;
  return source && placeInFile(source, line, column);
}

test('a place in a block scalar is a place in the file', () => {
  expect(placeOf('|\n    one();\n      two();', 1, 1)).toEqual({ file: 'a.yaml', line: 9, column: 5 });
  expect(placeOf('|\n    one();\n      two();', 2, 3)).toEqual({ file: 'a.yaml', line: 10, column: 7 });
  expect(placeOf('|- # note\n\n    one();', 2, 4)).toEqual({ file: 'a.yaml', line: 10, column: 8 });
  expect(placeOf('|2\n      one();\n    two();', 1, 3)).toEqual({ file: 'a.yaml', line: 9, column: 7 });
});

test('a place in text on one line is a place in the file; with escapes only the beginning is known', () => {
  expect(placeOf('deny("x")', 1, 6)).toEqual({ file: 'a.yaml', line: 8, column: 20 });
  expect(placeOf("'deny()'", 1, 1)).toEqual({ file: 'a.yaml', line: 8, column: 16 });
  expect(placeOf('"a();\\nb();"', 2, 1)).toEqual({ file: 'a.yaml', line: 8, column: 16 });
  expect(placeOf('>\n    a();\n    b();', 1, 5)).toMatchObject({ line: 8 });
});

test('several documents, lists and JSON are read', () => {
  const pod = (name: string) => `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "${name}"}}`;
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${pod('b')}\n- ${pod('c')}\n`;
  const { objects, problems } = parseManifest(`---\n${pod('a')}\n---\n# nothing\n---\n${list}`, 'a.yaml');
  expect(problems).toEqual([]);
  expect(objects.map(({ object, line, column }) => [object.metadata.name, line, column])).toEqual([
    ['a', 2, 1],
    ['b', 9, 3],
    ['c', 10, 3],
  ]);
});

test.each([
  ['a: [1\n', 2, 1, /^Flow sequence/],
  ['kind: Pod\nmetadata: {name: a}\n', 1, 1, /^apiVersion is required$/],
  ['apiVersion: v1\nkind: Pod\nmetadata: {}\n', 3, 11, /^metadata\.name is required$/],
  ['apiVersion: v1\nkind: Pod\nmetadata: {name: ../../etc}\n', 3, 18, /must be a name/],
  ['apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: yes}\n', 5, 11, /put words such as yes into quotes/],
  ['- 1\n', 1, 1, /^a Kubernetes object is expected here$/],
  [policy('1').replace('CREATE', 'CRETE'), 6, 15, /^spec\.operations "CRETE" must be one of "CREATE"/],
  [policy('1').replace('a.example.com', 'a.com'), 4, 9, /at least three parts/],
  [policy('7'), 8, 15, /^spec\.javascript must be text$/],
  [policy('a').replace('resources', 'ressources'), 6, 3, /^spec\.resources is required$/],
])('tells what is wrong with %j and where', (text, line, column, message) => {
  const [problem] = parseManifest(text, 'a.yaml').problems;
  expect(problem).toEqual({ file: 'a.yaml', line, column, message: expect.stringMatching(message) });
});

test('a nest of aliases is a problem, not a full memory', () => {
  const rows = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(',')}]`);
  const { problems } = parseManifest(`a0: &a0 [x]\n${rows.join('\n')}\n`, 'a.yaml');
  expect(problems).toHaveLength(1);
});

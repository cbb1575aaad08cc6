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

test('of a cascade only the first mistake is told, for each document', () => {
  const { problems } = parseManifest('a: [1,\nb: {\n  c: ]\n---\nd: "x\n', 'a.yaml');
  expect(problems.map(({ line }) => line)).toEqual([2, 6]);
});

test('AdmissionReviews are skipped, with one notice for the file', () => {
  const review = '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1"}}';
  const pod = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}';
  const { objects, problems, notices } = parseManifest(`${review}\n---\n${review}\n---\n${pod}\n`, 'a.yaml');
  expect(problems).toEqual([]);
  expect(objects).toHaveLength(1);
  expect(notices).toEqual([{ file: 'a.yaml', message: expect.stringMatching(/^an AdmissionReview .* is skipped/) }]);
});

test.each([
  ['{"kind": "Pod",\n "metadata" {}}', 2, 13, "':' after the key is expected here"],
  ['{"items": [1, 2}', 1, 16, "',' or ']' after the value is expected here"],
  ['{"a": "b" "c": 1}', 1, 11, "',' or '}' after the value is expected here"],
  ['{\n  "a": tru\n: }', 2, 8, 'a value is expected here'],
  ['{"a": {"b": 1}', 1, 15, "',' or '}' after the value is expected here, but the text ends"],
  ["{'a: 1}", 1, 2, 'a key in double quotes is expected here'],
])('a JSON file %j is told in the words of JSON', (text, line, column, message) => {
  expect(parseManifest(text, 'a.json').problems).toEqual([
    { file: 'a.json', line, column, message: `no JSON: ${message}` },
  ]);
});

import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

const HEAD = `# The chart of jsPolicy

    helm install jspolicy k8s/chart/jspolicy --namespace jspolicy --create-namespace

[Installation](../../../docs/install.md), [high availability](../../../docs/high-availability.md),
[operations](../../../docs/operations.md), [moving from jsPolicy](../../../docs/upgrade-from-jspolicy.md). What is wrong with values
is told by \`helm template\` already, in words. This file is made from the comments of \`values.yaml\`.

| value | default | meaning |
| --- | --- | --- |
`;

/** A table of every value, with its comment. */
export function chartReadme(values: string): string {
  const { contents } = parseDocument(values);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return `${HEAD}${rows(contents, '').join('\n')}\n`;
}

function rows(map: YAMLMap, prefix: string): string[] {
  // What stands before the first key belongs to the map for the parser.
  return map.items.flatMap((pair, i) => rowsOf(pair, prefix, i === 0 ? map.commentBefore : undefined));
}

function rowsOf({ key, value }: Pair, prefix: string, before: string | null | undefined): string[] {
  const name = `${prefix}${isScalar(key) ? key.value : key}`;
  const about = comment((isScalar(key) ? key.commentBefore : undefined) ?? before);
  // A group is told by its parts, unless it is described as a whole or written in one line.
  if (isMap(value) && value.items.length > 0 && !value.flow && !about) return rows(value, `${name}.`);
  const shown = JSON.stringify(isMap(value) || !isScalar(value) ? (value as YAMLMap | null)?.toJSON() : value.value);
  return [`| \`${name}\` | \`${(shown ?? 'null').replaceAll('|', '\\|')}\` | ${about} |`];
}

/** What stands behind `--` in the lines just before a key. */
function comment(text: string | null | undefined): string {
  const lines = (text ?? '').split('\n').map((line) => line.trim());
  const start = lines.findLastIndex((line) => line.startsWith('-- '));
  return start < 0 ? '' : lines.slice(start).join(' ').slice(3);
}

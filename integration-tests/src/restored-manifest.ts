import { parse } from 'yaml';

/**
 * A JsPolicy from the lines of a published page. Pages lose the indentation of their YAML when they are kept as text, and
 * with it lines that only open a part. Each field has one place in a JsPolicy, so it is put back there; keys, values and
 * comments stay as they are.
 */
// biome-ignore lint/suspicious/noExplicitAny: a manifest, whatever stands in it.
export function restoredPolicy(lines: readonly string[]): any {
  const start = lines.findIndex((line) => line.startsWith('javascript: |'));
  const fields = start < 0 ? lines : lines.slice(0, start);
  const code =
    start < 0 ? [] : ['  javascript: |', ...lines.slice(start + 1).map((line) => `    ${withoutTemplate(line)}`)];
  return parse([...head(fields), 'spec:', ...spec(fields), ...code].join('\n'));
}

/** The lines from the first one behind `after` that starts with `first`, up to the next blank one. */
export function linesOf(page: string, first: string, after: string): string[] {
  const lines = page.slice(page.indexOf(after)).split('\n');
  const start = lines.findIndex((line) => line.startsWith(first));
  const length = lines.slice(start).findIndex((line) => line.trim() === '');
  return length < 0 ? lines.slice(start) : lines.slice(start, start + length);
}

const HEAD = ['apiVersion', 'kind', 'name'];
const OPENS_A_PART = /^(metadata|spec):\s*$/;

function head(lines: readonly string[]): string[] {
  const line = (key: string) => lines.find((each) => keyOf(each) === key) ?? '';
  return [line('apiVersion'), line('kind'), 'metadata:', `  ${line('name')}`];
}

const spec = (lines: readonly string[]): string[] =>
  lines.filter((line) => !HEAD.includes(keyOf(line)) && !OPENS_A_PART.test(line)).map(placed);

/** The one label of a selector on these pages, and the parts of an expression, stand deeper than the fields of spec. */
function placed(line: string): string {
  switch (keyOf(line)) {
    case 'matchExpressions':
      return `  namespaceSelector:\n    ${line}`;
    case '- key':
      return `    ${line}`;
    case 'operator':
    case 'values':
    case 'live':
      return `      ${line}`;
    case 'objectSelector':
      return `  ${line}\n    matchLabels:`;
    default:
      return `  ${line}`;
  }
}

const keyOf = (line: string): string => /^(- )?\w+(?=:)/.exec(line)?.[0] ?? '';

/** A page shows some of its code as a template that was not evaluated: \` for `, and ` + "${x}" + ` for ${x}. */
const withoutTemplate = (line: string): string => line.replace(/` ?\+ ?"([^"]*)" ?\+ ?`/g, '$1').replaceAll('\\`', '`');

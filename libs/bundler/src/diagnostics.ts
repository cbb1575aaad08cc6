import type { Diagnostic } from '@jspolicy/contracts';
import { CompileFailure } from './failure.ts';

/** What the author's text is called in diagnostics: the field of the policy's spec. */
export const SOURCE_FILE = 'javascript';

/** More than this many blocks help nobody. */
const MAX_DIAGNOSTICS = 10;
/** A status message is read in a terminal: of a longer line only the part around the column is shown. */
const MAX_LINE_LENGTH = 120;

/** Line and column from 1, column in UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

/** The position of an offset in a text. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

export function lineAt(text: string, line: number): string {
  return text.split(/\r\n|[\n\r\u2028\u2029]/)[line - 1] ?? '';
}

/** A diagnostic for a place in the author's text. */
export function diagnosticAt(source: string, position: Position, text: string, file = SOURCE_FILE): Diagnostic {
  return { file, ...position, text, lineText: lineAt(source, position.line) };
}

/** The author's mistakes as one failure: `error bundling javascript: javascript:1:36: ...`, the line, and a caret. */
export function bundlingFailure(diagnostics: Diagnostic[], options?: ErrorOptions): CompileFailure {
  const shown = diagnostics.slice(0, MAX_DIAGNOSTICS);
  const message = `error bundling javascript: ${shown.map(renderDiagnostic).join('\n')}`;
  return new CompileFailure('author', message, shown, options);
}

export function renderDiagnostic({ file, line, column, text, lineText }: Diagnostic): string {
  if (line === undefined || column === undefined) return `${file}: ${text}`;
  const head = `${file}:${line}:${column}: ${text}`;
  if (lineText === undefined) return head;
  const from = column > MAX_LINE_LENGTH ? column - MAX_LINE_LENGTH / 2 : 0;
  const part = lineText.slice(from, from + MAX_LINE_LENGTH);
  const gutter = `  ${line} | `;
  // Tabs stay tabs, so that the caret stands below its character however wide they are shown.
  const pad = part.slice(0, column - 1 - from).replace(/[^\t]/g, ' ');
  return `${head}\n${gutter}${part}\n${' '.repeat(gutter.length - 2)}| ${pad}^`;
}

import type { LineCounter, Scalar } from 'yaml';

/** Where a text of an object (a policy's source) stands in the author's file. Lines and columns count from 1. */
export interface SourcePlace {
  file: string;
  /** Line of the text's first line, and how far that is indented. */
  line: number;
  columnOffset: number;
  /** False: the text is written with escapes or folded, so only its beginning is known. */
  exact: boolean;
}

/** The place in the file of a line and column of the text. */
export function placeInFile(
  place: SourcePlace,
  line: number,
  column: number,
): { file: string; line: number; column: number } {
  if (!place.exact) return { file: place.file, line: place.line, column: place.columnOffset + 1 };
  return { file: place.file, line: place.line + line - 1, column: place.columnOffset + column };
}

/** Block scalars (`|`) map line by line; text on one line without escapes maps too. */
export function sourcePlace(scalar: Scalar, text: string, file: string, lines: LineCounter): SourcePlace | undefined {
  if (!scalar.range || typeof scalar.value !== 'string') return undefined;
  const [start, end] = scalar.range;
  const { line, col } = lines.linePos(start);
  const raw = text.slice(start, end);
  if (scalar.type === 'BLOCK_LITERAL') {
    return { file, line: line + 1, columnOffset: blockIndent(raw, scalar.value), exact: true };
  }
  const quote = scalar.type === 'PLAIN' ? 0 : 1;
  const exact = raw.slice(quote, raw.length - quote) === scalar.value && !raw.includes('\n');
  return { file, line, columnOffset: col - 1 + quote, exact };
}

/** The first line with text is indented by the block's indentation and by its own. */
function blockIndent(raw: string, value: string): number {
  const first = (lines: string[]) => lines.find((line) => line.trim() !== '') ?? '';
  const leading = (line: string) => line.length - line.trimStart().length;
  return Math.max(0, leading(first(raw.split('\n').slice(1))) - leading(first(value.split('\n'))));
}

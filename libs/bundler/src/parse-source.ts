import { SourceMap } from 'node:module';
import type { Diagnostic } from '@jspolicy/contracts';
import type { Message } from 'esbuild';
import { bundlingFailure, diagnosticAt, lineAt, type Position, positionAt, SOURCE_FILE } from './diagnostics.ts';
import { EsbuildDied, EsbuildErrors, type EsbuildProcess } from './esbuild-process.ts';
import type { CompileFailure } from './failure.ts';
import { isParseError, type Program, parseScript, TooDeepError } from './syntax-tree.ts';

/** A policy's text as plain JavaScript, and the way back to the author's own lines. */
export interface ParsedSource {
  /** The author's text itself, or, where that is TypeScript, the JavaScript that was made of it. */
  text: string;
  program: Program;
  /** module: it imports or exports, and is strict. */
  kind: 'script' | 'module';
  /** A place in `text` as a place in the author's text. */
  authorPosition(offset: number): Position;
  diagnostic(offset: number, text: string): Diagnostic;
}

/** Parses JavaScript, else TypeScript. Throws CompileFailure with the author's line and column. */
export async function parseSource(source: string, esbuild: EsbuildProcess): Promise<ParsedSource> {
  try {
    const parsed = parseJavaScript(source);
    if (parsed) return withPositions(source, source, parsed);
    return await parseWithEsbuild(source, esbuild);
  } catch (error) {
    if (error instanceof TooDeepError || error instanceof EsbuildDied) throw tooHard(error);
    throw error;
  }
}

interface Parsed {
  program: Program;
  kind: 'script' | 'module';
}

/** In the order of what a text most likely is; `await` is a keyword wherever the rest of the text lets it be one. */
const READINGS = [
  { sourceType: 'script', allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true },
  { sourceType: 'module' },
  { sourceType: 'script', allowReturnOutsideFunction: true },
] as const;

function parseJavaScript(text: string): Parsed | undefined {
  for (const reading of READINGS) {
    try {
      return { program: parseScript(text, { ...reading, allowHashBang: true }), kind: reading.sourceType };
    } catch (error) {
      if (!isParseError(error)) throw error;
    }
  }
  return undefined;
}

function withPositions(source: string, text: string, parsed: Parsed, map?: SourceMap): ParsedSource {
  const authorPosition = (offset: number): Position => {
    const position = positionAt(text, offset);
    if (!map) return position;
    const entry = map.findEntry(position.line - 1, position.column - 1);
    return 'originalLine' in entry ? { line: entry.originalLine + 1, column: entry.originalColumn + 1 } : position;
  };
  return {
    text,
    ...parsed,
    authorPosition,
    diagnostic: (offset, message) => diagnosticAt(source, authorPosition(offset), message),
  };
}

/** esbuild reads what acorn does not: TypeScript, decorators. Its messages are also the better ones. */
async function parseWithEsbuild(source: string, esbuild: EsbuildProcess): Promise<ParsedSource> {
  if (bracketDepth(source) > MAX_BRACKET_DEPTH) throw new TooDeepError();
  const javascript = await transform(source, 'js', esbuild);
  if ('text' in javascript) return javascript;
  const typescript = await transform(source, 'ts', esbuild);
  if ('text' in typescript) return typescript;
  throw later(javascript.failed, typescript.failed);
}

/** Beyond it esbuild's process takes a gigabyte of stack before it ends. Policies that people write stay below 50. */
const MAX_BRACKET_DEPTH = 5000;

/** Brackets in strings count too: it is a bound on a machine's text, not a parse. */
function bracketDepth(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [bracket] of text.matchAll(/[([{}\])]/g)) {
    depth = '([{'.includes(bracket) ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

type Loader = 'js' | 'ts';

async function transform(source: string, loader: Loader, esbuild: EsbuildProcess) {
  try {
    const { code, map } = await esbuild.transform(source, {
      loader,
      sourcefile: SOURCE_FILE,
      sourcemap: 'external',
      target: 'node24',
      tsconfigRaw: {},
      logLimit: 10,
    });
    const parsed = parseJavaScript(code);
    if (!parsed) throw new EsbuildErrors([]);
    return withPositions(source, code, parsed, new SourceMap(JSON.parse(map)));
  } catch (error) {
    if (!(error instanceof EsbuildErrors)) throw error;
    return { failed: error.errors.map((message) => ofMessage(source, message)) };
  }
}

/** The reading that came further is the one that the author meant. */
function later(javascript: Diagnostic[], typescript: Diagnostic[]): CompileFailure {
  const [first, second] = [javascript[0], typescript[0]];
  if (!first && !second) return bundlingFailure([{ file: SOURCE_FILE, text: 'this syntax is not supported' }]);
  const further = (second?.line ?? 0) - (first?.line ?? 0) || (second?.column ?? 0) - (first?.column ?? 0);
  return bundlingFailure(first && further <= 0 ? javascript : typescript);
}

function ofMessage(source: string, { text, location }: Message): Diagnostic {
  if (!location) return { file: SOURCE_FILE, text };
  // esbuild counts columns from 0, in UTF-8 bytes.
  const line = lineAt(source, location.line);
  const before = Buffer.from(line).subarray(0, location.column).toString();
  return diagnosticAt(source, { line: location.line, column: before.length + 1 }, text);
}

function tooHard(error: Error): CompileFailure {
  const text =
    error instanceof TooDeepError ? 'the source is nested too deeply' : `the source cannot be parsed: ${error.message}`;
  return bundlingFailure([{ file: SOURCE_FILE, text }], { cause: error });
}

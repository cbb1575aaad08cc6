import type { ImportRequest } from './imports.ts';
import type { ParsedSource } from './parse-source.ts';
import { MODULES, NAMESPACE } from './prelude.ts';
import { type AnyNode, anyNode, hasTopLevelAwait, type Program } from './syntax-tree.ts';

/** The policy's own code as one statement: a function that is called at once. */
export interface PolicyPart {
  text: string;
  /** Where the author's text starts in it: on the first line, so that line numbers are the author's. */
  authorStart: number;
  /** UTF-16 units of the author's text. */
  authorLength: number;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * Wraps the author's text without moving a character of it: imports and exports become blanks, what they bind stands in
 * front of the text.
 */
export function writePolicyPart(source: ParsedSource, imports: ImportRequest[], hasPrelude: boolean): PolicyPart {
  const edits = [...moduleEdits(source), ...dynamicImportEdits(imports), ...hashbangEdit(source.text)];
  const body = applyEdits(source.text, edits);
  const start = hasTopLevelAwait(source.program) ? '(async function () {' : '(function () {';
  const head = `${start}${prologue(source, imports, hasPrelude)}`;
  // A comment on the author's last line must not swallow the end. The bound `this` is what a script would have.
  const tail = source.kind === 'module' ? '\n})();\n' : '\n}).call(this);\n';
  return { text: head + body + tail, authorStart: head.length, authorLength: body.length };
}

/**
 * In a script, the empty statement keeps a leading "use strict" of the author from being a directive: published policies
 * that have one assign undeclared variables all the same.
 */
function prologue(source: ParsedSource, imports: ImportRequest[], hasPrelude: boolean): string {
  const bound = imports.flatMap((request) => (request.kind === 'import' ? bindings(request) : []));
  const consts = bound.length > 0 ? ` const ${bound.join(', ')};` : '';
  const dynamic = imports.some(({ kind }) => kind === 'dynamic') ? ` ${DYNAMIC_IMPORT}` : '';
  const strict = source.kind === 'module' ? ' "use strict";' : ';';
  return `${strict}${commonJs(source, hasPrelude)}${dynamic}${consts} `;
}

function bindings(request: Extract<ImportRequest, { kind: 'import' }>): string[] {
  const table = `${MODULES}.imports[${JSON.stringify(request.specifier)}]`;
  return request.names.map(({ local, imported }) => `${local} = ${table}[${JSON.stringify(imported)}]`);
}

/** As long as the keyword `import`, so that columns stay. */
const DYNAMIC_NAME = '$load_';
const DYNAMIC_IMPORT = `async function ${DYNAMIC_NAME}(name) { return ${MODULES}.imports[name]["${NAMESPACE}"]; }`;

/** exports, module and require, each where the text mentions it and does not declare it. */
function commonJs(source: ParsedSource, hasPrelude: boolean): string {
  const declared = topLevelNames(source.program);
  const wanted = (name: string) => new RegExp(`\\b${name}\\b`).test(source.text) && !declared.has(name);
  const [module, exports] = [wanted('module'), wanted('exports')];
  const parts = [
    module && 'module = { exports: {} }',
    exports && `exports = ${module ? 'module.exports' : '{}'}`,
    hasPrelude && wanted('require') && `require = ${MODULES}.require`,
  ].filter(Boolean);
  return parts.length > 0 ? ` var ${parts.join(', ')};` : '';
}

function topLevelNames(program: Program): Set<string> {
  const names = new Set<string>();
  const add = (node: AnyNode | null | undefined): void => {
    if (!node) return;
    if (node.type === 'Identifier') names.add(node.name);
    else if (node.type === 'VariableDeclaration') for (const { id } of node.declarations) add(anyNode(id));
    else if ('id' in node && node.id) add(anyNode(node.id));
    else if (node.type === 'ObjectPattern') {
      for (const property of node.properties)
        add(anyNode(property.type === 'Property' ? property.value : property.argument));
    } else if (node.type === 'ArrayPattern') for (const element of node.elements) add(element && anyNode(element));
    else if (node.type === 'AssignmentPattern') add(anyNode(node.left));
    else if (node.type === 'RestElement') add(anyNode(node.argument));
    else if (node.type === 'ImportDeclaration') for (const { local } of node.specifiers) names.add(local.name);
  };
  for (const statement of program.body) add(anyNode(statement));
  return names;
}

function moduleEdits(source: ParsedSource): Edit[] {
  return source.program.body.flatMap((statement) => moduleEdit(anyNode(statement), source.text));
}

function moduleEdit(node: AnyNode, text: string): Edit[] {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return [blank(text, node.start, node.end)];
    case 'ExportNamedDeclaration':
      return [blank(text, node.start, node.declaration?.start ?? node.end)];
    case 'ExportDefaultDeclaration':
      return defaultExport(node, text);
    default:
      return [];
  }
}

/** A named function or class stays a declaration; anything else is evaluated, as it would be in a module. */
function defaultExport(node: Extract<AnyNode, { type: 'ExportDefaultDeclaration' }>, text: string): Edit[] {
  const declaration = anyNode(node.declaration);
  const isDeclaration = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
  if (isDeclaration && declaration.id) return [blank(text, node.start, declaration.start)];
  const keyword = /^export(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*default/.exec(text.slice(node.start))?.[0] ?? '';
  const end = text[node.end - 1] === ';' ? node.end - 1 : node.end;
  const open = blank(text, node.start, node.start + keyword.length, ';(');
  return [open, { start: end, end: node.end, text: ');' }];
}

/** Blanks of the same shape; the semicolon keeps the lines before and after from becoming one expression. */
function blank(text: string, start: number, end: number, first = ';'): Edit {
  const rest = text.slice(start + first.length, end).replace(/[^\r\n\u2028\u2029]/g, ' ');
  return { start, end, text: first + rest };
}

function dynamicImportEdits(imports: ImportRequest[]): Edit[] {
  return imports.flatMap((request) =>
    request.kind === 'dynamic'
      ? [{ start: request.keywordOffset, end: request.keywordOffset + 'import'.length, text: DYNAMIC_NAME }]
      : [],
  );
}

function hashbangEdit(text: string): Edit[] {
  return text.startsWith('#!') ? [{ start: 0, end: 2, text: '//' }] : [];
}

function applyEdits(text: string, edits: Edit[]): string {
  let result = '';
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

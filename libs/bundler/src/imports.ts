import { type AnyNode, anyNode, constantText, type Program, walk } from './syntax-tree.ts';

/** One name that an import statement binds: `default`, a named export, or `*` for the namespace. */
export interface ImportedName {
  imported: string;
  local: string;
  offset: number;
}

/** One place in a policy that asks for a package. */
export type ImportRequest =
  | { kind: 'import'; specifier: string; attribute: string | undefined; offset: number; names: ImportedName[] }
  /** `export ... from`: nobody reads a policy's exports, the package is only evaluated. */
  | { kind: 'evaluate'; specifier: string; attribute: string | undefined; offset: number }
  | { kind: 'require'; specifier: string; offset: number }
  | { kind: 'dynamic'; specifier: string; offset: number; keywordOffset: number }
  /** import.meta: a policy has none. */
  | { kind: 'meta'; offset: number }
  /** require(x) or import(x) of what only the run tells. */
  | { kind: 'unknown'; construct: 'require' | 'import'; offset: number };

/** What a policy imports, in the order of the text. */
export function findImports(program: Program): ImportRequest[] {
  const found: ImportRequest[] = [];
  walk(program, (node) => {
    const request = importOf(node);
    if (request) found.push(request);
    return undefined;
  });
  return found;
}

function importOf(node: AnyNode): ImportRequest | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return {
        kind: 'import',
        ...sourceOf(node),
        names: node.specifiers.map((specifier) => nameOf(anyNode(specifier))),
      };
    case 'ExportAllDeclaration':
      return { kind: 'evaluate', ...sourceOf(node) };
    case 'ExportNamedDeclaration':
      return node.source ? { kind: 'evaluate', ...sourceOf(node) } : undefined;
    case 'ImportExpression':
      return dynamicOf(anyNode(node.source), node.start);
    case 'MetaProperty':
      return node.meta.name === 'import' ? { kind: 'meta', offset: node.start } : undefined;
    case 'CallExpression':
      return node.callee.type === 'Identifier' && node.callee.name === 'require' ? requireOf(node) : undefined;
    default:
      return undefined;
  }
}

type Declaration = Extract<AnyNode, { type: 'ImportDeclaration' | 'ExportAllDeclaration' | 'ExportNamedDeclaration' }>;

function sourceOf(node: Declaration) {
  const type = node.attributes.find(({ key }) => (key.type === 'Identifier' ? key.name : key.value) === 'type');
  const attribute = type ? String(type.value.value) : undefined;
  return { specifier: String(node.source?.value), attribute, offset: node.source?.start ?? node.start };
}

function nameOf(node: AnyNode): ImportedName {
  if (node.type === 'ImportDefaultSpecifier')
    return { imported: 'default', local: node.local.name, offset: node.start };
  if (node.type === 'ImportNamespaceSpecifier') return { imported: '*', local: node.local.name, offset: node.start };
  if (node.type !== 'ImportSpecifier') throw new TypeError(`no import specifier: ${node.type}`);
  const imported = node.imported.type === 'Identifier' ? node.imported.name : String(node.imported.value);
  return { imported, local: node.local.name, offset: node.start };
}

function dynamicOf(source: AnyNode, keywordOffset: number): ImportRequest {
  const specifier = constantText(source);
  if (specifier === undefined) return { kind: 'unknown', construct: 'import', offset: keywordOffset };
  return { kind: 'dynamic', specifier, offset: source.start, keywordOffset };
}

function requireOf(node: Extract<AnyNode, { type: 'CallExpression' }>): ImportRequest {
  const argument = node.arguments[0];
  const specifier = argument && node.arguments.length === 1 ? constantText(anyNode(argument)) : undefined;
  if (specifier === undefined) return { kind: 'unknown', construct: 'require', offset: node.start };
  return { kind: 'require', specifier, offset: argument?.start ?? node.start };
}

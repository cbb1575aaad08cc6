import type { Diagnostic } from '@jspolicy/contracts';
import type { BuildOptions, Message } from 'esbuild';
import { confine } from './confine.ts';
import { bundlingFailure, SOURCE_FILE } from './diagnostics.ts';
import { EsbuildDied, EsbuildErrors, type EsbuildProcess } from './esbuild-process.ts';
import type { ImportRequest } from './imports.ts';
import type { ParsedSource } from './parse-source.ts';
import { packageOf } from './specifier.ts';

/** The one global that a prelude makes: imports[specifier][name], required[specifier], and require(specifier). */
export const MODULES = '__jspolicyModules';

/** The key of a package's namespace object in imports[specifier]; no export can have this name by a plain import. */
export const NAMESPACE = '*';

interface Entry {
  text: string;
  /** For each line of the text, the author's offset that it stands for. */
  offsets: number[];
}

/**
 * All imported packages as one script, ended by a newline, that leaves the table `__jspolicyModules`; empty when nothing
 * is imported. The same packages give the same text wherever `tree` lies.
 */
export async function buildPrelude(options: {
  source: ParsedSource;
  imports: ImportRequest[];
  /** Real path of the directory with node_modules. */
  tree: string | undefined;
  esbuild: EsbuildProcess;
}): Promise<string> {
  const { source, imports, tree, esbuild } = options;
  if (tree === undefined || !imports.some((request) => 'specifier' in request)) return '';
  const entry = writeEntry(imports);
  try {
    const { outputFiles } = await esbuild.build(buildOptions(entry.text, tree));
    return `${outputFiles[0]?.text.trimEnd() ?? ''}\n`;
  } catch (error) {
    if (error instanceof EsbuildErrors) {
      const diagnostics = error.errors.map((message) => ofMessage(message, { entry, imports, source }));
      throw bundlingFailure(diagnostics, { cause: error });
    }
    if (error instanceof EsbuildDied) {
      throw bundlingFailure([source.diagnostic(0, `the dependencies cannot be bundled: ${error.message}`)], {
        cause: error,
      });
    }
    throw error;
  }
}

function buildOptions(contents: string, tree: string): BuildOptions & { write: false } {
  return {
    stdin: { contents, resolveDir: tree, loader: 'js' },
    absWorkingDir: tree,
    bundle: true,
    write: false,
    format: 'iife',
    globalName: MODULES,
    platform: 'browser',
    target: 'node24',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    logLimit: 10,
    nodePaths: [],
    tsconfigRaw: {},
    plugins: [confine(tree)],
  };
}

function writeEntry(imports: ImportRequest[]): Entry {
  const writer = new EntryWriter();
  for (const request of imports) {
    if (request.kind === 'import') {
      for (const name of request.names) writer.name(request.specifier, name.imported, name.offset);
      if (request.names.length === 0) writer.line(`import ${JSON.stringify(request.specifier)};`, request.offset);
    } else if (request.kind === 'evaluate') writer.line(`import ${JSON.stringify(request.specifier)};`, request.offset);
    else if (request.kind === 'dynamic') writer.name(request.specifier, NAMESPACE, request.offset);
    else if (request.kind === 'require') writer.required(request.specifier, request.offset);
  }
  return writer.end();
}

class EntryWriter {
  readonly #lines: string[] = [];
  readonly #offsets: number[] = [];
  readonly #imports = new Map<string, Map<string, string>>();
  readonly #requires = new Map<string, string>();

  line(text: string, offset: number): void {
    this.#lines.push(text);
    this.#offsets.push(offset);
  }

  name(specifier: string, imported: string, offset: number): void {
    const names = this.#imports.get(specifier) ?? new Map<string, string>();
    this.#imports.set(specifier, names);
    if (names.has(imported)) return;
    const local = `i${this.#lines.length}`;
    names.set(imported, local);
    const clause = imported === NAMESPACE ? `* as ${local}` : `{ ${exportName(imported)} as ${local} }`;
    this.line(`import ${clause} from ${JSON.stringify(specifier)};`, offset);
  }

  required(specifier: string, offset: number): void {
    if (this.#requires.has(specifier)) return;
    const local = `r${this.#lines.length}`;
    this.#requires.set(specifier, local);
    this.line(`const ${local} = require(${JSON.stringify(specifier)});`, offset);
  }

  end(): Entry {
    const getters = (names: Map<string, string>) =>
      [...names].map(([name, local]) => `get ${JSON.stringify(name)}() { return ${local}; }`).join(', ');
    const imports = [...this.#imports].map(
      ([specifier, names]) => `${JSON.stringify(specifier)}: { ${getters(names)} }`,
    );
    const requires = [...this.#requires].map(([specifier, local]) => `[${JSON.stringify(specifier)}]: ${local}`);
    const lines = [
      ...this.#lines,
      `export const imports = { ${imports.join(', ')} };`,
      `export const required = { __proto__: null, ${requires.join(', ')} };`,
      'function load(name) {',
      '  if (!(name in required)) throw new Error("Cannot find module \'" + name + "\'");',
      '  return required[name];',
      '}',
      'export { load as require };',
    ];
    return { text: lines.join('\n'), offsets: this.#offsets };
  }
}

function exportName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

interface Asked {
  entry: Entry;
  imports: ImportRequest[];
  source: ParsedSource;
}

/**
 * A problem in our entry is one of the author's import; so is one inside of a package that he imports, and its place there
 * is told too. One inside of a package that another one brought is told with the package's file alone, unless only one
 * import can have led there.
 */
function ofMessage({ text, location }: Message, { entry, imports, source }: Asked): Diagnostic {
  if (!location) return { file: SOURCE_FILE, text };
  const { file, line, column } = location;
  const own = file === '<stdin>' ? entry.offsets[line - 1] : undefined;
  if (own !== undefined) return source.diagnostic(own, text.replaceAll('"<stdin>"', 'the policy'));
  const offset = importThatLeadsTo(file, imports);
  if (offset !== undefined) return source.diagnostic(offset, `${text} (in ${file}:${line}:${column + 1})`);
  return { file, line, column: column + 1, text };
}

function importThatLeadsTo(file: string, imports: ImportRequest[]): number | undefined {
  const named = imports.filter((request) => 'specifier' in request);
  const direct = named.find(({ specifier }) => file.startsWith(`node_modules/${packageOf(specifier)}/`));
  const packages = new Set(named.map(({ specifier }) => packageOf(specifier)));
  return (direct ?? (packages.size === 1 ? named[0] : undefined))?.offset;
}

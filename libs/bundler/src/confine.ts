import { realpath } from 'node:fs/promises';
import { extname, sep } from 'node:path';
import type { OnLoadArgs, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { builtinText, isBuiltin } from './builtin-modules.ts';

/** What packages are made of. Any other file would only be carried as data. */
const CODE = new Set(['.js', '.cjs', '.mjs', '.json', '']);

/** The entry, which we write ourselves. */
const ENTRY = '<stdin>';

/**
 * Keeps esbuild inside a tree of packages: whatever a package says, no byte of another file comes into the bundle.
 * `root` is a real path.
 */
export function confine(root: string): Plugin {
  return {
    name: 'confine',
    setup(build) {
      build.onResolve({ filter: /^(?:[a-z][a-z0-9+.-]*:|[/\\])/i }, (args) =>
        args.kind === 'entry-point' ? undefined : refuseScheme(args),
      );
      build.onResolve({ filter: /^[a-z_/]+$/ }, (args) => builtinIn(args, build));
      build.onLoad({ filter: /.*/, namespace: 'file' }, (args) => loadInside(root, args));
    },
  };
}

function refuseScheme(args: OnResolveArgs): OnResolveResult {
  const text = isBuiltin(args.path) ? builtinText(args.path) : `"${args.path}" cannot be imported by a package`;
  return { errors: [{ text }] };
}

/** A bare name of a Node module may be an installed package, or one that the package replaces for browsers. */
async function builtinIn(args: OnResolveArgs, build: PluginBuild): Promise<OnResolveResult | undefined> {
  if (args.pluginData === ENTRY || !isBuiltin(args.path)) return undefined;
  const { importer, namespace, resolveDir, kind } = args;
  const found = await build.resolve(args.path, { importer, namespace, resolveDir, kind, pluginData: ENTRY });
  return found.errors.length > 0 ? { errors: [{ text: builtinText(args.path) }] } : undefined;
}

async function loadInside(root: string, args: OnLoadArgs): Promise<OnLoadResult | undefined> {
  const real = await realpath(args.path).catch(() => undefined);
  if (!real?.startsWith(root + sep))
    return { errors: [{ text: `"${relativeName(args.path)}" is outside of the installed packages` }] };
  if (!CODE.has(extname(real))) return { errors: [{ text: `"${relativeName(real)}" is no JavaScript or JSON` }] };
  const type = args.with['type'];
  if (type !== undefined && type !== 'json')
    return { errors: [{ text: `with { type: "${type}" } is not possible, only "json"` }] };
  return undefined;
}

/** Paths of our machine are of no use to an author: what counts starts at node_modules, or is the file's name. */
function relativeName(path: string): string {
  const at = path.lastIndexOf(`${sep}node_modules${sep}`);
  return at < 0 ? path.slice(path.lastIndexOf(sep) + 1) : path.slice(at + 1);
}

import { builtinModules } from 'node:module';

/** What takes the place of a Node module in a policy. */
const INSTEAD: Record<string, string> = {
  fs: 'readFileSync(path) is there without an import',
  'fs/promises': 'readFileSync(path) is there without an import',
  http: 'fetchSync(url) is there without an import',
  https: 'fetchSync(url) is there without an import',
  process: 'env(name) is there without an import',
  os: 'env(name) is there without an import',
  timers: 'sleep(ms) is there without an import',
  path: 'add the package path-browserify to spec.dependencies and import that',
  buffer: 'atob() and btoa() are there without an import; or add the package buffer to spec.dependencies',
  crypto: 'add a package such as @noble/hashes to spec.dependencies and import that',
  util: 'add the package util to spec.dependencies',
  events: 'add the package events to spec.dependencies',
  assert: 'add the package assert to spec.dependencies',
  url: 'add a package such as whatwg-url to spec.dependencies and import that',
  querystring: 'add the package querystring-es3 to spec.dependencies and import that',
  console: 'console and print() are there without an import',
};

const BUILTIN = new Set(builtinModules.filter((name) => !name.startsWith('_')));

/** True for a module of Node itself. `node:` names nothing else; a bare name may be a package too. */
export function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTIN.has(specifier);
}

/** What the author of a policy reads who imports a Node module. */
export function builtinText(specifier: string): string {
  const instead = INSTEAD[specifier.replace(/^node:/, '')];
  const why = `"${specifier}" is a module of Node, and policies do not run in Node`;
  return instead ? `${why}: ${instead}` : why;
}

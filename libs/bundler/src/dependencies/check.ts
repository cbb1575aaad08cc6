import { createHash } from 'node:crypto';
import semver from 'semver';
import validateName from 'validate-npm-package-name';
import { CompileFailure } from '../failure.ts';

/** npm names are shorter than this; so are ranges that a person writes. */
const MAX_TEXT_LENGTH = 256;
const MAX_SHOWN_LENGTH = 80;

export type Dependencies = Readonly<Record<string, string>>;

/** Names and ranges are what npm would take from its registry, and nothing else. Throws CompileFailure. */
export function checkDependencies(dependencies: Dependencies, maxDependencies: number): void {
  const entries = Object.entries(dependencies);
  if (entries.length > maxDependencies) {
    throw refused(`${entries.length} dependencies; at most ${maxDependencies} are possible`);
  }
  const problems = entries.flatMap(([name, range]) => problemOf(name, range) ?? []);
  if (problems.length > 0) throw refused(problems.slice(0, 10).join('; '));
}

export function refused(text: string): CompileFailure {
  const message = `error installing dependencies: ${text}`;
  return new CompileFailure('author', message, [{ file: 'dependencies', text }]);
}

function problemOf(name: string, range: unknown): string | undefined {
  if (name.length > MAX_TEXT_LENGTH || !validateName(name).validForOldPackages) {
    return `${show(name)} is no package name of npm`;
  }
  if (typeof range === 'string' && range.length <= MAX_TEXT_LENGTH && semver.validRange(range) !== null)
    return undefined;
  return `${show(range)} of ${show(name)} is no version range, such as ^1.2.3, 1.x or *`;
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}...` : text;
}

/** The package.json of a dependency tree: the same for the same dependencies in any order. */
export function manifestOf(dependencies: Dependencies): string {
  const sorted = Object.entries(dependencies).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Without a name of ours npm would write the directory's into the lockfile.
  return JSON.stringify({
    name: 'jspolicy-dependencies',
    version: '0.0.0',
    private: true,
    dependencies: Object.fromEntries(sorted),
  });
}

/** Names a dependency tree: sha256, hex, of what decides what is in it. */
export function treeDigest(manifest: string, minReleaseAgeDays: number): string {
  return createHash('sha256').update(`1\n${minReleaseAgeDays}\n${manifest}`).digest('hex');
}

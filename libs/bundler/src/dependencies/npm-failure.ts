import { CompileFailure } from '../failure.ts';
import type { ChildOutcome } from './child-process.ts';

/** npm's codes for what only another name, version or range can mend. */
const AUTHORS = new Set([
  'E404',
  'ETARGET',
  'ENOVERSIONS',
  'ERESOLVE',
  'EBADENGINE',
  'EBADPLATFORM',
  'EINVALIDTAGNAME',
  'EINVALIDPACKAGENAME',
  'EUNSUPPORTEDPROTOCOL',
  'EALLOWGIT',
  'EALLOWREMOTE',
  'EALLOWFILE',
  'EALLOWDIRECTORY',
]);
const MAX_LENGTH = 500;

/** npm's own words, short, and whose fault it is. */
export function npmFailure(outcome: ChildOutcome): CompileFailure {
  if (outcome.stopped) return platformFailure(outcome.stopped);
  const { code, text } = errorOf(outcome);
  const message = `error installing dependencies: npm error ${[code, text].filter(Boolean).join(' ')}`;
  return new CompileFailure(AUTHORS.has(code) ? 'author' : 'platform', message, [{ file: 'dependencies', text }]);
}

export function platformFailure(text: string, options?: ErrorOptions): CompileFailure {
  const message = `error installing dependencies: ${text}`;
  return new CompileFailure('platform', message, [{ file: 'dependencies', text }], options);
}

/** With --json npm prints {error: {code, summary, detail}}. */
function errorOf({ stdout, stderr, code }: ChildOutcome): { code: string; text: string } {
  try {
    const { error } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { error: { code?: unknown; summary?: unknown } };
    const text = String(error.summary ?? '').trim();
    return { code: typeof error.code === 'string' ? error.code : '', text: shorten(text) };
  } catch {
    const line = stderr.split('\n').findLast((part) => part.startsWith('npm error ') && !part.includes('complete log'));
    return { code: '', text: shorten(line?.slice('npm error '.length) ?? `npm ended with code ${code}`) };
  }
}

function shorten(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text;
}

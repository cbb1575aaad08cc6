import type { LOG_LEVELS } from '@jspolicy/runtime';

export type LogLevel = (typeof LOG_LEVELS)[number];

interface LogEntry {
  level?: string;
  msg?: string;
  policy?: string;
  err?: { message?: string };
  [key: string]: unknown;
}

const ALWAYS_SHOWN = ['warn', 'error', 'fatal'];
const HIDDEN_KEYS = new Set(['level', 'time', 'service', 'pid', 'name', 'msg', 'err']);

/**
 * A service's log line as a short one for the terminal; undefined for what only belongs into the file. Shown are
 * warnings, errors, what policies print(), and with `verbose` everything. What is no JSON is a crash or a runtime's own warning.
 */
export function shortLine(service: string, line: string, verbose: boolean): string | undefined {
  const entry = parse(line);
  if (!entry) return line.trim() === '' ? undefined : `${service}: ${line}`;
  if (isPrinted(entry)) return entry.msg;
  if (!verbose && isToldOtherwise(entry)) return undefined;
  const { level = 'info', msg = '' } = entry;
  if (!verbose && !ALWAYS_SHOWN.includes(level)) return undefined;
  const cause = entry.err?.message ? ` (${saidOnce(entry.err.message)})` : '';
  return `${service}: ${level}: ${msg}${facts(entry)}${cause}`;
}

const isPrinted = ({ level, msg, policy }: LogEntry): boolean =>
  level === 'info' && typeof policy === 'string' && msg?.startsWith(`[${policy}] `) === true;

/**
 * What authors did wrong, and manifests that cannot be read: `up` tells it itself, from the manifests (file, line, column)
 * and the policies' status.
 */
const isToldOtherwise = ({ file, line, column, fault, manifests }: LogEntry): boolean =>
  fault === 'author' || typeof manifests === 'string' || Boolean(file && line && column);

function parse(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}

function facts(entry: LogEntry): string {
  const shown = Object.entries(entry).filter(([key, value]) => !HIDDEN_KEYS.has(key) && isFact(value));
  return shown
    .map(([key, value]) => ` ${key}=${firstLine(Array.isArray(value) ? value.join('; ') : String(value))}`)
    .join('');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

const isFact = (value: unknown): boolean =>
  typeof value !== 'object' || (Array.isArray(value) && value.every((each) => typeof each === 'string'));

/** The log puts the text of a cause behind an error's own, which may end with it already. */
const saidOnce = (text: string): string => text.replace(/^(.*?)(: .+)\2$/s, '$1$2');

import type { Isolation } from '@jspolicy/contracts';
import type { PolicyPart } from '../policy-part.ts';
import { type AnyNode, isParseError, parseScript, propertyName, TooDeepError } from '../syntax-tree.ts';
import { findAsyncExports } from './async-exports.ts';
import { isReference, type Site, walkCode } from './code-walk.ts';
import { DEPENDENCY_RULES, SYNCHRONOUS_RULES } from './dependency-rules.ts';
import { GLOBAL_OBJECTS } from './globals.ts';
import { hiddenFailureRules } from './hidden-failures.ts';
import { markedSites } from './module-values.ts';
import { STATEFUL_NAMES } from './package-rules.ts';
import { POLICY_RULES } from './policy-rules.ts';
import type { Rule } from './shared-rules.ts';

export interface Decision {
  isolation: Isolation;
  /** The first construct that asked for a fresh context; or that none did. */
  reason: string;
  /** Where that is in the author's text. */
  offset?: number;
  /** Names that the script takes from the global scope; undefined: any name may be, it cannot be told from the text. */
  globals: ReadonlySet<string> | undefined;
}

/** Decides from the parsed code alone. Never throws for what the code is. */
export function decideIsolation(prelude: string, part: PolicyPart): Decision {
  try {
    const own = lookInto(part);
    const imported = prelude === '' ? NOTHING : lookIntoDependencies(prelude, part);
    const reaches = own.reachesGlobals || imported.reachesGlobals;
    const globals = reaches ? undefined : new Set([...own.globals, ...imported.globals]);
    const found = own.reason ?? imported.reason;
    return found
      ? { isolation: 'request', ...found, globals }
      : { isolation: 'kept', reason: 'nothing in it outlives a request', globals };
  } catch (error) {
    if (error instanceof TooDeepError || error instanceof RangeError) return undecided('it is nested too deeply');
    if (isParseError(error)) return undecided(error.message);
    throw error;
  }
}

/** For a script that could not be looked into. */
export function undecided(why: string): Decision {
  return { isolation: 'request', reason: `the script could not be looked into: ${why}`, globals: undefined };
}

interface Finding {
  reason?: Pick<Decision, 'reason' | 'offset'>;
  globals: Set<string>;
  reachesGlobals: boolean;
}

const NOTHING: Finding = { globals: new Set(), reachesGlobals: false };

function lookInto(part: PolicyPart): Finding {
  const finding: Finding = { globals: new Set(), reachesGlobals: false };
  const end = part.authorStart + part.authorLength;
  const sites = markedSites(parseScript(part.text)).filter(
    ({ node }) => (node.start >= part.authorStart && node.end <= end) || isAsyncFunction(node),
  );
  const rules = [...POLICY_RULES, ...hiddenFailureRules(sites)];
  for (const site of sites) {
    note(site, finding);
    const reason = finding.reason ? undefined : firstReason(site, rules);
    if (!reason) continue;
    const isOurs = site.node.start < part.authorStart || site.node.end > end;
    finding.reason = isOurs
      ? { reason: `${reason} at the top level` }
      : { reason, offset: site.node.start - part.authorStart };
  }
  return finding;
}

/** Of our own functions around the author's text one is async when the text awaits at its top level, or imports later. */
function isAsyncFunction(node: AnyNode): boolean {
  return 'async' in node && node.async === true;
}

function lookIntoDependencies(prelude: string, part: PolicyPart): Finding {
  const finding: Finding = { globals: new Set(), reachesGlobals: false };
  const sites: Site[] = [];
  walkCode(parseScript(prelude), (site) => sites.push(site));
  const { contained, names } = findAsyncExports(sites);
  const mentioned = new Set(part.text.split(/[^\w$]+/));
  const used = [...names].find((name) => mentioned.has(name));
  const stateful = STATEFUL_NAMES.find((name) => mentioned.has(name));
  if (stateful !== undefined) finding.reason = { reason: `${stateful}() of a package` };
  if (used !== undefined) finding.reason = { reason: `${used}, an asynchronous function of a package` };
  for (const site of sites) {
    noteInDependency(site, finding);
    if (finding.reason) continue;
    const isContained = site.inAsync || contained.has(site.node);
    const reason =
      firstReason(site, DEPENDENCY_RULES) ?? (isContained ? undefined : firstReason(site, SYNCHRONOUS_RULES));
    if (reason) finding.reason = { reason: `${reason} in the packages, near ${excerpt(prelude, site.node.start)}` };
  }
  return finding;
}

function firstReason(site: Site, rules: readonly Rule[]): string | undefined {
  for (const rule of rules) {
    const reason = rule(site);
    if (reason) return reason;
  }
  return undefined;
}

/** Code that can reach the global object, or make code of text, can call what it does not name. */
const REACHES = new Set([...GLOBAL_OBJECTS, 'eval', 'Function']);

function note(site: Site, finding: Finding): void {
  const { node, scope, strict } = site;
  if (node.type === 'ThisExpression' && !strict) finding.reachesGlobals = true;
  if (node.type === 'WithStatement' || propertyName(node) === 'constructor') finding.reachesGlobals = true;
  if (node.type !== 'Identifier' || !isReference(site) || scope.lookup(node.name)) return;
  finding.globals.add(node.name);
  if (REACHES.has(node.name)) finding.reachesGlobals = true;
}

/** A package's `this` and `constructor` are nearly always its own: only what is called on `this` by name counts. */
function noteInDependency(site: Site, finding: Finding): void {
  const { node, parents, strict } = site;
  if (node.type !== 'ThisExpression' && node.type !== 'MemberExpression') note(site, finding);
  const name = node.type === 'ThisExpression' && !strict && parents[0] ? propertyName(parents[0]) : undefined;
  if (name !== undefined) finding.globals.add(name);
}

/** Dependencies are minified: a few characters say more than a line number. */
function excerpt(text: string, offset: number): string {
  return JSON.stringify(text.slice(offset, offset + 40));
}

import type { Isolation } from '@jspolicy/contracts';
import type { PolicyPart } from '../policy-part.ts';
import { type AnyNode, isParseError, parseScript, propertyName, TooDeepError } from '../syntax-tree.ts';
import { findAsyncExports } from './async-exports.ts';
import { isReference, type Site, walkCode } from './code-walk.ts';
import { DEPENDENCY_RULES, SYNCHRONOUS_RULES } from './dependency-rules.ts';
import { GLOBAL_OBJECTS } from './globals.ts';
import { markModuleValues } from './module-values.ts';
import { POLICY_RULES } from './policy-rules.ts';
import type { Rule } from './shared-rules.ts';

/** A syntax tree takes about a hundred times the text's memory; a larger text is not looked into. */
const MAX_ANALYSED_LENGTH = 1_500_000;

export interface Decision {
  isolation: Isolation;
  /** The first construct that asked for a fresh context, with its place; or that none did. */
  reason: string;
  /** Names that the script takes from the global scope; undefined: any name may be, it cannot be told from the text. */
  globals: ReadonlySet<string> | undefined;
}

/** How a place in the policy's part is told to its author. */
export type DescribePlace = (offsetInAuthorText: number) => string;

/** Decides from the parsed code alone. Never throws for what the code is. */
export function decideIsolation(prelude: string, part: PolicyPart, describe: DescribePlace): Decision {
  try {
    if (prelude.length + part.text.length > MAX_ANALYSED_LENGTH)
      return unknown('the script is too large to be looked into');
    const own = lookInto(part, describe);
    const imported = prelude === '' ? undefined : lookIntoDependencies(prelude, part);
    const reason = own.reason ?? imported?.reason;
    const globals =
      own.reachesGlobals || imported?.reachesGlobals
        ? undefined
        : new Set([...own.globals, ...(imported?.globals ?? [])]);
    return reason
      ? { isolation: 'request', reason, globals }
      : { isolation: 'kept', reason: 'nothing in it outlives a request', globals };
  } catch (error) {
    if (error instanceof TooDeepError || error instanceof RangeError)
      return unknown('the script is nested too deeply to be looked into');
    if (isParseError(error)) return unknown(`the script is not understood: ${error.message}`);
    throw error;
  }
}

const unknown = (reason: string): Decision => ({ isolation: 'request', reason, globals: undefined });

interface Finding {
  reason: string | undefined;
  globals: Set<string>;
  reachesGlobals: boolean;
}

function lookInto(part: PolicyPart, describe: DescribePlace): Finding {
  const finding: Finding = { reason: undefined, globals: new Set(), reachesGlobals: false };
  markModuleValues(parseScript(part.text), (site) => {
    const offset = site.node.start - part.authorStart;
    const isOurs = offset < 0 || site.node.end > part.authorStart + part.authorLength;
    if (isOurs && !isAsyncFunction(site.node)) return;
    note(site, finding);
    finding.reason ??= firstReason(site, POLICY_RULES, () => (isOurs ? 'the top level' : describe(offset)));
  });
  return finding;
}

/** Of our own functions around the author's text one is async when the text awaits at its top level, or imports later. */
function isAsyncFunction(node: AnyNode): boolean {
  return 'async' in node && node.async === true;
}

function lookIntoDependencies(prelude: string, part: PolicyPart): Finding {
  const finding: Finding = { reason: undefined, globals: new Set(), reachesGlobals: false };
  const sites: Site[] = [];
  walkCode(parseScript(prelude), (site) => sites.push(site));
  const { contained, names } = findAsyncExports(sites);
  const mentioned = new Set(part.text.split(/[^\w$]+/));
  const used = [...names].find((name) => mentioned.has(name));
  if (used !== undefined) finding.reason = `${used}, an asynchronous function of a package`;
  for (const site of sites) {
    noteInDependency(site, finding);
    const rules =
      site.inAsync || contained.has(site.node) ? DEPENDENCY_RULES : [...SYNCHRONOUS_RULES, ...DEPENDENCY_RULES];
    finding.reason ??= firstReason(site, rules, () => `the dependencies, near ${excerpt(prelude, site.node.start)}`);
  }
  return finding;
}

function firstReason(site: Site, rules: readonly Rule[], place: () => string): string | undefined {
  for (const rule of rules) {
    const reason = rule(site);
    if (reason) return `${reason} at ${place()}`;
  }
  return undefined;
}

/** Code that can reach the global object, or make code of text, can call what it does not name. */
const REACHES = new Set([...GLOBAL_OBJECTS, 'eval', 'Function']);

function note(site: Site, finding: Finding): void {
  const { node, scope, strict } = site;
  if (node.type === 'ThisExpression' && !strict) finding.reachesGlobals = true;
  if (node.type === 'WithStatement') finding.reachesGlobals = true;
  if (node.type !== 'Identifier' || !isReference(site) || scope.lookup(node.name)) return;
  finding.globals.add(node.name);
  if (REACHES.has(node.name)) finding.reachesGlobals = true;
}

/** A package's `this` is nearly always an object of its own: only what is called on it by name counts. */
function noteInDependency(site: Site, finding: Finding): void {
  const { node, parents, strict } = site;
  if (node.type !== 'ThisExpression') note(site, finding);
  const name = node.type === 'ThisExpression' && !strict && parents[0] ? propertyName(parents[0]) : undefined;
  if (name !== undefined) finding.globals.add(name);
}

/** Dependencies are minified: a few characters say more than a line number. */
function excerpt(text: string, offset: number): string {
  return JSON.stringify(text.slice(offset, offset + 40));
}

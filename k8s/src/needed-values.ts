import { parse } from 'yaml';

/** What may be nothing, though the chart has something there. */
const MAY_BE_NOTHING = new Set([
  'resources',
  'securityContext',
  'labels',
  'priorityClassName',
  'jobLabel',
  'path',
  'interval',
  'scrapeTimeout',
]);

/** Of values.yaml, as paths with dots: groups, numbers, booleans and texts that templates cannot do without. */
export function neededValues(values: string): string[] {
  return pathsIn(parse(values) as Record<string, unknown>, '');
}

function pathsIn(group: Record<string, unknown>, prefix: string): string[] {
  return Object.entries(group).flatMap(([name, value]) => {
    const isNothing = value === null || value === '' || Array.isArray(value);
    if (isNothing || MAY_BE_NOTHING.has(name)) return [];
    return typeof value === 'object' ? groupPaths(value as Record<string, unknown>, prefix + name) : [prefix + name];
  });
}

/** A map that is empty by default is one of the user's. */
const groupPaths = (group: Record<string, unknown>, path: string): string[] =>
  Object.keys(group).length > 0 ? [path, ...pathsIn(group, `${path}.`)] : [];

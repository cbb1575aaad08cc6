import type { ViolationEvent } from '@jspolicy/contracts';

const VALUES: Record<string, (event: ViolationEvent) => string> = {
  policy: ({ data }) => data.policy,
  action: ({ data }) => data.action,
  namespace: ({ data }) => data.object.namespace ?? '',
  kind: ({ data }) => data.object.kind ?? '',
  /** 2026-01-31, in UTC, of the event: a second delivery gets the same. */
  date: ({ time }) => new Date(time).toISOString().slice(0, 10),
};

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** What is wrong with the placeholders of a setting. */
export function placeholderProblem(field: string, template: string | undefined): string[] {
  const unknown = [...(template ?? '').matchAll(PLACEHOLDER)].find(([, name = '']) => !Object.hasOwn(VALUES, name));
  const known = Object.keys(VALUES).map((name) => `{${name}}`);
  return unknown ? [`${field} has ${unknown[0]}, known are ${known.join(', ')}`] : [];
}

/** The template with an event's values, each of which goes through `encode`. */
export const withPlaceholders = (template: string, event: ViolationEvent, encode: (value: string) => string): string =>
  template.replaceAll(PLACEHOLDER, (_all, name: string) => encode(VALUES[name]?.(event) ?? ''));

import { type FieldError, invalid, invalidList, required } from './field-errors.ts';

/** Of spec.resources. The rules, and that their outcome depends on the order, are those of the webhook API. */
export function resourceErrors(resources: readonly string[], path: string): FieldError[] {
  if (resources.length === 0) return [required(path)];
  return [
    ...resources.flatMap((resource, index) =>
      resource === '' ? [required(`${path}[${index}]`)] : coveredErrors(resources, index, path),
    ),
    ...wholeListErrors(resources, path),
  ];
}

/** A subresource that an earlier wildcard covers already. */
function coveredErrors(resources: readonly string[], index: number, path: string): FieldError[] {
  const resource = resources[index] ?? '';
  const slash = resource.indexOf('/');
  if (slash < 0) return [];
  const covers = [`${resource.slice(0, slash)}/*`, `*/${resource.slice(slash + 1)}`];
  const earlier = resources.slice(0, index);
  return covers
    .filter((wildcard) => earlier.includes(wildcard))
    .map((wildcard) =>
      invalid(`${path}[${index}]`, resource, `if '${wildcard}' is present, must not specify ${resource}`),
    );
}

function wholeListErrors(resources: readonly string[], path: string): FieldError[] {
  const told = (detail: string): FieldError => invalidList(path, '[]string', resources, detail);
  const last = resources.findLast((resource) => resource !== '' && !resource.includes('/'));
  return [
    ...(resources.length > 1 && resources.includes('*/*')
      ? [told("if '*/*' is present, must not specify other resources")]
      : []),
    ...(resources.includes('*') && last !== '*'
      ? [told("if '*' is present, must not specify other resources without subresources")]
      : []),
  ];
}

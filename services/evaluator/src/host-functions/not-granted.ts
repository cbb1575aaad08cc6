import { HostCallError } from '@jspolicy/sandbox';

/** Functions that a policy gets with a grant only, and the setting that gives it. */
const GRANTS: Record<string, string> = {
  create: 'WRITE_POLICIES',
  update: 'WRITE_POLICIES',
  remove: 'WRITE_POLICIES',
  fetchSync: 'FETCH_HOSTS',
  readFileSync: 'FILES_DIR',
};

/** The error that a policy sees when it calls what this evaluator does not grant. */
export function notGranted(name: string): HostCallError {
  const setting = Object.hasOwn(GRANTS, name) ? GRANTS[name] : undefined;
  const hint = setting ? ` (${setting} of the evaluator)` : '';
  return new HostCallError('NotGranted', `${name}() is not granted to policies${hint}`);
}

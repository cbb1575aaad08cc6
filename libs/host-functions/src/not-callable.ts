import { HostCallError } from '@jspolicy/sandbox';

/** Functions of the contract that are still to come: no setting would grant them. */
const NOT_YET = ['create', 'update', 'remove', 'fetchSync', 'readFileSync'];

/** The error that a policy sees when it calls what there is not. */
export function notCallable(name: string): HostCallError {
  return NOT_YET.includes(name)
    ? new HostCallError('NotImplemented', `${name}() is not there yet: this version does not have it`)
    : new HostCallError('NotGranted', `${name}() is not granted to policies`);
}

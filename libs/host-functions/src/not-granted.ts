import { HostCallError } from '@jspolicy/sandbox';

/** What a policy sees when the installation does not let it: `setting` is the evaluator's variable that would. */
export const notGranted = (what: string, setting: string): HostCallError =>
  new HostCallError('NotGranted', `${what} is not granted: see ${setting} of the evaluator`);

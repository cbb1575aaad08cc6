import { policyToken } from './bus.ts';

/** An evaluator does not evaluate a policy for a while: the value of JSPOLICY_QUARANTINES under quarantineKey(). */
export interface QuarantineRecord {
  schema: 1;
  policy: string;
  evaluator: string;
  /** RFC 3339 with milliseconds. It is over then; nobody removes it. */
  until: string;
  /** What happened last, in a few words. */
  reason: string;
  /** `creates`: it is evaluated, but may not create what it follows for now. Absent: it is not evaluated. */
  kind?: 'creates';
}

const MAX_ID_CHARACTERS = 100;

/** One key for each policy and evaluator. Throws RangeError for what is no policy name. */
export const quarantineKey = ({ policy, evaluator }: Pick<QuarantineRecord, 'policy' | 'evaluator'>): string =>
  `${policyToken(policy)}.${Buffer.from(evaluator.slice(0, MAX_ID_CHARACTERS)).toString('base64url') || '-'}`;

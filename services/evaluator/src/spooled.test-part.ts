import { violationSubject } from '@jspolicy/contracts';
import type { Spooled } from './spooled.ts';

const POLICY = 'p.example.com';

/** A line of a spool with what is looked at there. */
export const spooled = (id: string, data: { message?: string } = {}): Spooled => ({
  subject: violationSubject(POLICY),
  id,
  body: JSON.stringify({ specversion: '1.0', id, data: { ...data, policy: POLICY } }),
});

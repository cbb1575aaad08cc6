import { readPair, type ServingPair, validAt } from '@jspolicy/certificates';
import { authoritiesOf, type CertificateState } from './secret-state.ts';

export interface StepFacts {
  now: Date;
  /** What the API server connects to: a name or an address that the certificate must have. */
  host: string;
  /** How long the authority before stays trusted. */
  overlapMs: number;
}

export type Step =
  /** A new certificate must be prepared. */
  | { do: 'prepare'; why: string }
  /** The prepared one becomes the one that serves, once its authority is trusted. */
  | { do: 'promote'; state: CertificateState; nobodyServes: boolean }
  /** Something is not needed any more. */
  | { do: 'tidy'; state: CertificateState }
  | { do: 'nothing'; untilMs: number };

/** What is to be done next with a certificate. */
export function nextStep(state: CertificateState, facts: StepFacts): Step {
  const { current, next, previous } = state;
  const needed = neededPrevious(state, facts);
  if (needed.length < previous.length) return { do: 'tidy', state: { ...state, previous: needed } };
  if (next && !whyRenew(next, facts)) return { do: 'promote', ...promoted(state, next, facts.now) };
  if (!current) return { do: 'prepare', why: 'there is none' };
  const why = whyRenew(current, facts);
  if (why) return { do: 'prepare', why };
  const { renewAt, validFrom } = readPair(current);
  const dropAt = previous.length > 0 ? validFrom.getTime() + facts.overlapMs : Number.POSITIVE_INFINITY;
  return { do: 'nothing', untilMs: Math.min(renewAt.getTime(), dropAt) };
}

function promoted(state: CertificateState, next: ServingPair, now: Date) {
  const { current, previous } = state;
  const before = authoritiesOf({ ...(current && { current }), previous });
  const nobodyServes = (!current || readPair(current).validTo <= now) && previous.length === 0;
  return { state: { current: next, previous: [...new Set(before)] }, nobodyServes };
}

function whyRenew(pair: ServingPair, { now, host }: StepFacts): string | undefined {
  const { renewAt, covers } = readPair(pair);
  if (!covers(host)) return `it is not for ${host}`;
  return renewAt <= now ? 'two thirds of its life are over' : undefined;
}

/** A certificate begins when its predecessor ends to serve, within minutes. */
function neededPrevious({ current, next, previous }: CertificateState, { now, overlapMs }: StepFacts): string[] {
  const isOver = current && !next && readPair(current).validFrom.getTime() + overlapMs <= now.getTime();
  return isOver ? [] : validAt(previous, now);
}

import type { Msg } from '@nats-io/nats-core';

/** Silence for longer than this means that the answerer died. */
export const SILENCE_MS = 400;

/** How often an answerer says that it works: one sign may be lost, or late. */
export const WORKING_INTERVAL_MS = SILENCE_MS * 0.375;

/** The server's own status in place of an answer: nobody subscribes to the subject. */
const NO_RESPONDERS = 503;

export const nobodyServes = ({ headers }: Msg): boolean => headers?.code === NO_RESPONDERS;

import type { WorkKind, WorkMessage } from '@jspolicy/contracts';
import type { Running } from '../running.ts';

/** A piece of work whose turn has come, for this process alone. */
export interface WorkTurn {
  work: WorkMessage;
  /** The same for every delivery of this message, and of no other. */
  id: string;
  /** When it was queued, by the server's clock. */
  time: Date;
  /** From 1: so often was it delivered, this time included. */
  attempt: number;
  /** Aborts when somebody else may have the object, because the bus was not reached for too long. */
  signal: AbortSignal;
  /** False from the same moment on, also when this process was stopped and has not noticed yet. */
  isHeld(): boolean;
}

/**
 * How a piece of work ended. done: it is forgotten. again: it failed by its own doing; it comes again, later each time,
 * from 5 ms, doubling, to 1,000 s. wait: it could not be begun; it comes again after so long.
 */
export type WorkEnd = { kind: 'done' } | { kind: 'again' } | { kind: 'wait'; delayMs: number };

export interface WorkOptions {
  policy: string;
  /** Objects at once, in this process. */
  parallel: number;
  /** A rejection is our bug, is logged, and counts as `again`. */
  handler(turn: WorkTurn): Promise<WorkEnd>;
}

/** JSPOLICY_WORK: what waits for Controller policies. */
export interface WorkQueues {
  /**
   * Queues an object; what still waits for the same policy and object is replaced. The same id within two minutes is
   * queued once. Rejects after timeoutMs.
   */
  put(work: WorkMessage, options: { id: string; timeoutMs: number }): Promise<{ duplicate: boolean }>;
  /** Forgets what waits for a policy, or of one of its kinds. */
  drop(policy: string, kind?: Pick<WorkKind, 'group' | 'resource'>): Promise<void>;
  /** What waits, or is worked on. */
  waiting(policy: string): Promise<number>;
  /**
   * Works on what waits for a policy, beside everybody else who does; never two at once on one object. stop() gives back
   * what has not begun and resolves when the rest has ended.
   */
  consume(options: WorkOptions): Promise<Running>;
}

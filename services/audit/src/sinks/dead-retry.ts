import type { Bus, BusReply, BusRequest, DeadLetterEntry, Running } from '@jspolicy/bus';
import { SINK_RETRY_QUEUE, SINK_RETRY_SUBJECT, type SinkRetryAnswer, type SinkRetryRequest } from '@jspolicy/contracts';
import { oneLine, type SinkEvent } from '@jspolicy/sinks';
import { readEvent } from '../read-event.ts';

/** The answer must be there before the asker gives up. */
const RESERVE_MS = 1_000;

/** What delivers to a sink, as far as it is asked for here. */
export interface RetryTarget {
  readonly paused: boolean;
  /** Of this process. */
  readonly hasTurn: boolean;
  retry(event: SinkEvent, signal: AbortSignal): Promise<string | undefined>;
}

export interface DeadRetryParts {
  bus: Bus;
  /** Undefined: there is no such sink; a text: why nothing can be sent to it. */
  targetOf(name: string): RetryTarget | string | undefined;
}

/**
 * Delivers dead letters again when somebody asks: one attempt each; what is taken is removed from JSPOLICY_DEAD. The process that
 * has the sink's turn does it, so that there is one connection and one count.
 */
export function serveDeadRetry(parts: DeadRetryParts): Running {
  return parts.bus.serve(SINK_RETRY_SUBJECT, SINK_RETRY_QUEUE, (request) => answer(request, parts));
}

async function answer(request: BusRequest, { bus, targetOf }: DeadRetryParts): Promise<BusReply> {
  const { sink: name, sequences } = JSON.parse(new TextDecoder().decode(request.body)) as SinkRetryRequest;
  const target = targetOf(name);
  if (target === undefined) return reply(404, `there is no sink ${name}`);
  if (typeof target === 'string') return reply(409, `sink ${name} cannot be served: ${target}`);
  if (target.paused) return reply(409, `sink ${name} is paused`);
  if (!target.hasTurn) return reply(421, `another replica of audit delivers to sink ${name}`);
  const signal = AbortSignal.timeout(Math.max(1, request.deadlineMs - RESERVE_MS));
  try {
    return reply(200, JSON.stringify(await deliverAll(target, { name, sequences, signal }, bus)));
  } catch (error) {
    return reply(503, oneLine(error instanceof Error ? error.message : String(error)));
  }
}

async function deliverAll(
  target: RetryTarget,
  { name, sequences, signal }: { name: string; sequences: number[]; signal: AbortSignal },
  bus: Bus,
): Promise<SinkRetryAnswer> {
  const result: SinkRetryAnswer = { delivered: [], refused: [] };
  for (const sequence of sequences) {
    if (signal.aborted || !target.hasTurn) break;
    const entry = await bus.deadLetters.get(sequence);
    if (!entry || entry.sink !== name) continue;
    const problem = await deliver(target, entry, signal);
    if (problem === undefined) {
      await bus.deadLetters.remove(sequence);
      result.delivered.push(sequence);
    } else result.refused.push({ sequence, reason: problem });
  }
  return result;
}

/** Why it was not taken; undefined: it was. */
async function deliver(target: RetryTarget, entry: DeadLetterEntry, signal: AbortSignal): Promise<string | undefined> {
  const { body, subject, time, originalSequence: sequence } = entry;
  const read = readEvent({ body, subject, time, sequence, redelivered: true, headers: {} });
  if (typeof read === 'string') return `violation cannot be read: ${read}`;
  return target.retry({ event: read.event, sequence, json: JSON.stringify(read.event) }, signal);
}

const reply = (status: number, text: string): BusReply => ({
  status,
  body: new TextEncoder().encode(text),
  headers: {},
});

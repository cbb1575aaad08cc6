import type { Bus, BusReply, BusRequest, DeadLetterEntry, Running } from '@jspolicy/bus';
import {
  SINK_RETRY_QUEUE,
  SINK_RETRY_SUBJECT,
  type SinkRetryAnswer,
  type SinkRetryRequest,
  type ViolationSink,
} from '@jspolicy/contracts';
import { openSink, plainSettings, type ReadSecret, type Sink, type SinkContext, sinkProblems } from '@jspolicy/sinks';
import { readEvent } from '../read-event.ts';

/** The answer must be there before the asker gives up. */
const RESERVE_MS = 1_000;

export interface DeadRetryParts {
  bus: Bus;
  sinkOf(name: string): ViolationSink | undefined;
  readSecret: ReadSecret;
  context: Omit<SinkContext, 'name' | 'signal'>;
}

/** Delivers dead letters again when somebody asks: one attempt each; what is taken is removed from JSPOLICY_DEAD. */
export function serveDeadRetry(parts: DeadRetryParts): Running {
  return parts.bus.serve(SINK_RETRY_SUBJECT, SINK_RETRY_QUEUE, (request) => answer(request, parts));
}

async function answer(request: BusRequest, parts: DeadRetryParts): Promise<BusReply> {
  const { sink: name, sequences } = JSON.parse(new TextDecoder().decode(request.body)) as SinkRetryRequest;
  const signal = AbortSignal.timeout(Math.max(1, request.deadlineMs - RESERVE_MS));
  const sink = parts.sinkOf(name);
  if (!sink) return reply(404, `there is no sink ${name}`);
  const problems = sinkProblems(sink.spec);
  if (problems.length > 0) return reply(409, `sink ${name} has wrong settings: ${problems.join('; ')}`);
  try {
    const settings = await plainSettings(sink.spec, parts.readSecret);
    const opened = await openSink(sink.spec.type, settings, { ...parts.context, name, signal, beside: true });
    try {
      return reply(200, JSON.stringify(await deliverAll(opened, { name, sequences, signal }, parts.bus)));
    } finally {
      await opened.close();
    }
  } catch (error) {
    return reply(503, error instanceof Error ? error.message : String(error));
  }
}

async function deliverAll(
  sink: Sink,
  { name, sequences, signal }: { name: string; sequences: number[]; signal: AbortSignal },
  bus: Bus,
): Promise<SinkRetryAnswer> {
  const result: SinkRetryAnswer = { delivered: [], refused: [] };
  for (const sequence of sequences) {
    if (signal.aborted) break;
    const entry = await bus.deadLetters.get(sequence);
    if (!entry || entry.sink !== name) continue;
    const problem = await deliver(sink, entry, signal);
    if (problem === undefined) {
      await bus.deadLetters.remove(sequence);
      result.delivered.push(sequence);
    } else result.refused.push({ sequence, reason: problem });
  }
  return result;
}

/** Why it was not taken; undefined: it was. */
async function deliver(sink: Sink, entry: DeadLetterEntry, signal: AbortSignal): Promise<string | undefined> {
  const { body, subject, time, originalSequence: sequence } = entry;
  const read = readEvent({ body, subject, time, sequence, redelivered: true, headers: {} });
  if (typeof read === 'string') return `violation cannot be read: ${read}`;
  try {
    const refused = await sink.write([{ event: read.event, sequence, json: JSON.stringify(read.event) }], signal);
    return refused[0]?.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const reply = (status: number, text: string): BusReply => ({
  status,
  body: new TextEncoder().encode(text),
  headers: {},
});

import type { Bus, BusReply, DeadLetterEntry } from '@jspolicy/bus';
import { EngineError, SINK_RETRY_SUBJECT, type SinkRetryAnswer, type SinkRetryRequest } from '@jspolicy/contracts';
import { pause } from '@jspolicy/runtime';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type EngineOptions, findEngine, withBus } from '../stack/find-engine.ts';
import { type Terminal, table } from '../terminal.ts';

export interface DeadListOptions extends EngineOptions {
  output: 'text' | 'json';
}

export type DeadRetryOptions = EngineOptions;

/** Of one request: an attempt each, one after the other. */
const PAGE = 20;
const DEADLINE_MS = 120_000;
/** Of a replica that has not the sink's turn; that of one that died goes to another within this time. */
const MISDIRECTED = 421;
const TURN_MS = 30_000;
const ASK_AGAIN_MS = 100;

/** Prints the dead letters of sinks, the oldest first. Throws CommandError. */
export async function listDead(
  sink: string | undefined,
  options: DeadListOptions,
  terminal: Terminal,
): Promise<number> {
  const letters = await withBus(await findEngine(options), (bus) => lettersOf(bus, sink));
  if (options.output === 'json') terminal.print(JSON.stringify(letters.map(shown), null, 2));
  else if (letters.length === 0) terminal.note('there are no dead letters of sinks');
  else terminal.print(table([['NUMBER', 'TIME', 'SINK', 'EVENT', 'REASON'], ...letters.map(row)]));
  return EXIT.ok;
}

/** Has them delivered again. Throws CommandError, also when one of them was refused again. */
export async function retryDead(
  { sink, numbers }: { sink: string; numbers: string[] },
  options: DeadRetryOptions,
  terminal: Terminal,
): Promise<number> {
  const wanted = numbers.map(readNumber);
  const { delivered, refused } = await withBus(await findEngine(options), async (bus) => {
    const all = (await lettersOf(bus, sink)).map(({ sequence }) => sequence);
    const unknown = wanted.find((sequence) => !all.includes(sequence));
    if (unknown !== undefined) throw new CommandError(`${sink} has no dead letter ${unknown}`);
    return retryAll(bus, sink, wanted.length > 0 ? wanted : all);
  });
  terminal.print(`${delivered.length} delivered, ${refused.length} refused`);
  for (const { sequence, reason } of refused) terminal.note(`${sequence}: ${oneLine(reason)}`);
  return refused.length === 0 ? EXIT.ok : EXIT.failed;
}

async function retryAll(bus: Bus, sink: string, sequences: number[]): Promise<SinkRetryAnswer> {
  const result: SinkRetryAnswer = { delivered: [], refused: [] };
  for (let from = 0; from < sequences.length; from += PAGE) {
    const answer = await ask(bus, { sink, sequences: sequences.slice(from, from + PAGE) });
    result.delivered.push(...answer.delivered);
    result.refused.push(...answer.refused);
  }
  return result;
}

async function ask(bus: Bus, request: SinkRetryRequest): Promise<SinkRetryAnswer> {
  const body = new TextEncoder().encode(JSON.stringify(request));
  try {
    const answer = await askReplicas(bus, body);
    const text = new TextDecoder().decode(answer.body);
    if (answer.status !== 200) throw new CommandError(text);
    return JSON.parse(text) as SinkRetryAnswer;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CommandError(`no audit service answers: ${cause.message}`, { cause });
  }
}

/** Any replica may hear it, and the one that has the sink's turn does it. */
async function askReplicas(bus: Bus, body: Uint8Array): Promise<BusReply> {
  const until = performance.now() + TURN_MS;
  for (;;) {
    const answer = await bus.request(SINK_RETRY_SUBJECT, body, { deadlineMs: DEADLINE_MS });
    if (answer.status !== MISDIRECTED || performance.now() > until) return answer;
    await pause(ASK_AGAIN_MS);
  }
}

async function lettersOf(bus: Bus, sink: string | undefined): Promise<DeadLetterEntry[]> {
  const letters: DeadLetterEntry[] = [];
  for await (const entry of bus.deadLetters.list(sink)) if (entry.sink !== '') letters.push(entry);
  return letters;
}

function readNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CommandError(`${text} is no number of a dead letter`);
}

const shown = (letter: DeadLetterEntry) => ({
  number: letter.sequence,
  time: letter.time.toISOString(),
  sink: letter.sink,
  event: idOf(letter.body),
  reason: letter.reason,
});

const row = (letter: DeadLetterEntry): string[] => {
  const { number, time, sink, event, reason } = shown(letter);
  return [String(number), time, sink, event, oneLine(reason)];
};

function idOf(body: Uint8Array): string {
  try {
    return oneLine(String((JSON.parse(new TextDecoder().decode(body)) as { id?: unknown }).id ?? ''));
  } catch {
    return '';
  }
}

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');

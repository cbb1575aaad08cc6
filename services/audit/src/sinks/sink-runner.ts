import type { Bus, Delivery, DeliveryBatch, StreamMessage } from '@jspolicy/bus';
import { sinkConsumer, VIOLATIONS_STREAM, type ViolationSink, violationSubject } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import {
  batchOf,
  type Filter,
  filterOf,
  type ReadSecret,
  type SinkContext,
  type SinkEvent,
  startOf,
} from '@jspolicy/sinks';
import { readEvent } from '../read-event.ts';
import { OccurrenceCounter } from './occurrence-counter.ts';
import { type Failure, SinkConnection } from './sink-connection.ts';
import { SinkFigures } from './sink-figures.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import { logTrouble, SinkTeller } from './sink-teller.ts';
import { SinkWriter } from './sink-writer.ts';

export interface RunnerParts {
  sink: ViolationSink;
  bus: Pick<Bus, 'deliveries'>;
  cluster: Cluster;
  log: Logger;
  metrics: SinkMetrics;
  readSecret: ReadSecret;
  context: Omit<SinkContext, 'name' | 'signal'>;
}

/** Delivers to one sink, as its spec was when this was made. */
export class SinkRunner {
  readonly #parts: RunnerParts;
  readonly #name: string;
  readonly #connection: SinkConnection;
  readonly #writer: SinkWriter;
  readonly #filter: Filter;
  readonly #occurrences: OccurrenceCounter | undefined;
  readonly #figures = new SinkFigures();
  readonly #teller: SinkTeller;
  #delivery: Delivery | undefined;
  #telling: Promise<void> = Promise.resolve();
  #turn: AbortSignal | undefined;
  #writing = false;

  /** The spec has no problems. */
  constructor(parts: RunnerParts) {
    const { sink, context, readSecret } = parts;
    const { spec } = sink;
    this.#parts = parts;
    this.#name = sink.metadata.name;
    this.#connection = new SinkConnection({ spec, readSecret, context: { ...context, name: this.#name } });
    this.#writer = new SinkWriter(this.#connection, spec);
    this.#filter = filterOf(spec);
    this.#occurrences = spec.occurrences && new OccurrenceCounter(spec.occurrences.windowSeconds);
    this.#teller = new SinkTeller({
      ...parts,
      figures: this.#figures,
      connection: this.#connection,
      state: () => this.#delivery?.state(),
      isWriting: () => this.#writing,
    });
  }

  async start(): Promise<void> {
    const { sink, bus } = this.#parts;
    const subjects = subjectsOf(sink);
    this.#delivery = await bus.deliveries.begin({
      stream: VIOLATIONS_STREAM,
      durable: sinkConsumer(this.#name, sink.metadata.uid ?? ''),
      ...(subjects && { subjects }),
      start: startOf(sink.spec.from) ?? 'New',
      batch: batchOf(sink.spec),
      paused: this.paused,
      onTurn: (signal) => {
        this.#turn = signal;
        this.#figures.reset();
        this.#occurrences?.reset();
        this.#telling = this.#teller.tell(signal);
      },
      onTurnEnd: () => this.#telling,
      handler: (batch) => this.#handle(batch),
    });
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#delivery?.stop();
    await this.#connection.close();
  }

  get paused(): boolean {
    return this.#parts.sink.spec.paused === true;
  }

  /** This process delivers to the sink now. */
  get hasTurn(): boolean {
    return this.#turn !== undefined && !this.#turn.aborted;
  }

  /** Sends a dead letter again, between what is sent anyway: one attempt. Why it was not taken; undefined: it was. */
  async retry(event: SinkEvent, signal: AbortSignal): Promise<string | undefined> {
    const outcome = await this.#connection.write([event], signal);
    const problem = outcome.failure ? outcome.failure.text : outcome.refusals.get(event.sequence);
    if (problem !== undefined) return problem;
    this.#figures.revived();
    this.#parts.metrics.delivered.inc({ sink: this.#name });
    return undefined;
  }

  async #handle(batch: DeliveryBatch): Promise<void> {
    const bySequence = new Map(batch.messages.map((message) => [message.sequence, message]));
    const messageOf = ({ sequence }: ReadEvent) => bySequence.get(sequence) as StreamMessage;
    const read = await this.#read(batch);
    const events = this.#wanted(read, (event) => batch.settle(messageOf(event))).map(sinkEventOf);
    this.#writing = true;
    try {
      await this.#writer.write(events, {
        signal: batch.signal,
        onTaken: (event) => {
          batch.settle(messageOf(event));
          this.#figures.taken(1);
          this.#parts.metrics.delivered.inc({ sink: this.#name });
        },
        onRefused: (event, reason) => this.#bury(batch, messageOf(event), reason),
        onFailed: (failure) => this.#failed(failure),
      });
    } finally {
      this.#writing = false;
    }
  }

  /** Those that can be read; the others are buried. */
  async #read(batch: DeliveryBatch): Promise<ReadEvent[]> {
    const events: ReadEvent[] = [];
    for (const message of batch.messages) {
      const read = readEvent(message);
      if (typeof read === 'string') await this.#bury(batch, message, `violation cannot be read: ${read}`);
      else events.push({ ...read, event: this.#occurrences?.counted(read) ?? read.event });
    }
    return events;
  }

  /** Those that the filter does not leave out. */
  #wanted(events: readonly ReadEvent[], leaveOut: (event: ReadEvent) => void): ReadEvent[] {
    const answers = this.#filter.judge(events.map(({ event }) => event));
    const problems = answers.filter((answer) => typeof answer === 'string');
    const [why] = problems;
    if (why !== undefined) {
      this.#figures.undecided(problems.length, why);
      this.#parts.metrics.undecided.inc({ sink: this.#name }, problems.length);
    }
    return events.filter((event, i) => {
      if (answers[i] === false) leaveOut(event);
      return answers[i] !== false;
    });
  }

  async #bury(batch: DeliveryBatch, message: StreamMessage, reason: string): Promise<void> {
    await batch.bury(message, { reason, sink: this.#name });
    const { sequence } = message;
    this.#parts.log.error({ sink: this.#name, sequence, why: reason }, 'violation is a dead letter of a sink');
    this.#parts.metrics.dead.inc({ sink: this.#name });
    this.#figures.refused(reason);
  }

  #failed({ reason, text }: Failure): void {
    if (!this.#figures.trouble) logTrouble(this.#parts.log, this.#name, text);
    this.#figures.failed({ reason, message: text });
    this.#parts.metrics.failed.inc({ sink: this.#name });
  }
}

type ReadEvent = Pick<SinkEvent, 'event' | 'sequence'>;

const sinkEventOf = ({ event, sequence }: ReadEvent): SinkEvent => ({ event, sequence, json: JSON.stringify(event) });

/** The server leaves out the others, where policies are named without wildcards. */
function subjectsOf({ spec: { filter } }: ViolationSink): string[] | undefined {
  const policies = filter?.policies;
  if (!policies || policies.some((name) => name.includes('*'))) return undefined;
  return [...new Set(policies.map(violationSubject))];
}

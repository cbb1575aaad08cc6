import type { Bus, Question, StoredPolicy } from '@jspolicy/bus';
import {
  IN_FORCE_INBOX,
  type InForceAnswer,
  type InForceQuestion,
  inForceSubject,
  SIGN_INTERVAL_MS,
} from '@jspolicy/contracts';
import type { Evaluators } from './evaluators.ts';

/** Questions and answers may be lost. */
const ASK_AGAIN_MS = SIGN_INTERVAL_MS;
/** Who takes longer is told in the log. */
const SLOW_MS = 2_000;

export interface InForceWaitParts {
  bus: Pick<Bus, 'calls'>;
  evaluators: Pick<Evaluators, 'known' | 'listen'>;
  stored: StoredPolicy;
  /** Somebody answered, or time went on. */
  onLook(wait: InForceWait): void;
}

/** Asks all evaluators for one record until each that serves has it in force. */
export class InForceWait {
  readonly revision: number;
  readonly #parts: InForceWaitParts;
  readonly #question: Question;
  readonly #forget: () => void;
  readonly #began = performance.now();
  /** Instances. */
  readonly #answered = new Set<string>();
  readonly #slow = new Set<string>();
  #askedAt = Number.NEGATIVE_INFINITY;
  #missing: string[] | undefined;
  #isOver = false;

  constructor(parts: InForceWaitParts) {
    this.#parts = parts;
    this.revision = parts.stored.revision;
    const { name } = parts.stored.record;
    this.#question = parts.bus.calls.question(inForceSubject(name), bodyOf(parts.stored), {
      answersBelow: IN_FORCE_INBOX,
      onAnswer: (body) => this.#hear(body),
    });
    this.#forget = parts.evaluators.listen(() => this.#look());
    this.#look();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get tookMs(): number {
    return performance.now() - this.#began;
  }

  /** Names of the evaluators that did not answer; undefined while it is not known who serves. */
  get missing(): string[] | undefined {
    return this.#missing;
  }

  /** Names of those that took longer than 2 s, or still do. */
  get slow(): string[] {
    return [...this.#slow].sort();
  }

  stop(): void {
    this.#forget();
    void this.#question.stop();
  }

  #look(): void {
    const missing = this.#parts.evaluators.known()?.filter(({ instance }) => !this.#answered.has(instance));
    this.#missing = missing?.map(({ name }) => name).sort();
    if (missing?.length === 0) this.#end();
    else if (performance.now() - this.#askedAt >= ASK_AGAIN_MS) this.#ask();
    if (this.tookMs > SLOW_MS) for (const { name } of missing ?? []) this.#slow.add(name);
    this.#parts.onLook(this);
  }

  #ask(): void {
    this.#askedAt = performance.now();
    this.#question.ask();
  }

  #end(): void {
    this.#isOver = true;
    this.stop();
  }

  #hear(body: Uint8Array): void {
    const answer = read(body);
    if (answer?.schema !== 1 || this.#isOver) return;
    this.#answered.add(answer.instance);
    this.#look();
  }
}

function bodyOf({ record, revision }: StoredPolicy): Uint8Array {
  const { uid, generation, bundle } = record;
  const question: InForceQuestion = { schema: 1, uid, generation, revision, ...(bundle && { digest: bundle.digest }) };
  return new TextEncoder().encode(JSON.stringify(question));
}

function read(body: Uint8Array): InForceAnswer | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as InForceAnswer;
  } catch {
    // It is asked again.
    return undefined;
  }
}

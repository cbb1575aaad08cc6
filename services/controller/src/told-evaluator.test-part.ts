import { randomUUID } from 'node:crypto';
import type { Bus, Call, Running } from '@jspolicy/bus';
import { EVALUATORS_SUBJECT, IN_FORCE_SUBJECTS, type InForceQuestion, SIGN_INTERVAL_MS } from '@jspolicy/contracts';

/** Says on the bus what an evaluator says, and has in force what the test wants. */
export class ToldEvaluator {
  /** Asked so far. */
  readonly questions: InForceQuestion[] = [];
  readonly #bus: Bus;
  readonly #name: string;
  readonly #instance = randomUUID();
  readonly #timer: NodeJS.Timeout;
  readonly #listening: Running;
  #answers: (question: InForceQuestion) => boolean;

  constructor(bus: Bus, name: string, answers: (question: InForceQuestion) => boolean = () => true) {
    this.#bus = bus;
    this.#name = name;
    this.#answers = answers;
    this.#listening = bus.calls.listen(IN_FORCE_SUBJECTS, (call) => this.#take(call));
    this.#tell();
    this.#timer = setInterval(() => this.#tell(), SIGN_INTERVAL_MS);
  }

  /** From now on. */
  answer(answers: (question: InForceQuestion) => boolean): void {
    this.#answers = answers;
  }

  /** As one that was killed. */
  async fallSilent(): Promise<void> {
    clearInterval(this.#timer);
    await this.#listening.stop();
  }

  async leave(): Promise<void> {
    await this.fallSilent();
    this.#tell(true);
  }

  #take(call: Call): void {
    const question = JSON.parse(new TextDecoder().decode(call.body)) as InForceQuestion;
    this.questions.push(question);
    if (this.#answers(question)) call.answer(bytes({ schema: 1, instance: this.#instance }));
  }

  #tell(leaving = false): void {
    const sign = { schema: 1, evaluator: this.#name, instance: this.#instance };
    this.#bus.calls.tell(EVALUATORS_SUBJECT, bytes({ ...sign, ...(leaving && { leaving }) }));
  }
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

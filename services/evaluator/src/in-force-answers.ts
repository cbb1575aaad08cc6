import type { Bus, Call, Running } from '@jspolicy/bus';
import { IN_FORCE_SUBJECTS, type InForceAnswer, type InForceQuestion, policyOfToken } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import type { PolicyTable } from './policy-table.ts';

interface AnswersParts {
  bus: Pick<Bus, 'calls'>;
  table: Pick<PolicyTable, 'stands'>;
  instance: string;
  log: Logger;
}

interface Asked {
  call: Call;
  question: InForceQuestion;
}

/** Tells the controller when a record is in force here: at once, or as soon as it is. */
export class InForceAnswers implements Running {
  readonly #parts: AnswersParts;
  readonly #listening: Running;
  /** What could not be said yet, the newest of each policy: who still waits asks again. */
  readonly #asked = new Map<string, Asked>();

  constructor(parts: AnswersParts) {
    this.#parts = parts;
    this.#listening = parts.bus.calls.listen(IN_FORCE_SUBJECTS, (call) => this.#take(call));
  }

  /** What is in force of the policy changed. */
  changed(policy: string): void {
    const asked = this.#asked.get(policy);
    if (asked) this.#answer(policy, asked);
  }

  stop(): Promise<void> {
    return this.#listening.stop();
  }

  #take(call: Call): void {
    const question = this.#read(call);
    if (question) this.#answer(policyOf(call.subject), { call, question });
  }

  #answer(policy: string, asked: Asked): void {
    const { table, instance } = this.#parts;
    const standing = table.stands(policy);
    if (!standing || !answers(standing, asked.question)) {
      this.#asked.set(policy, asked);
      return;
    }
    this.#asked.delete(policy);
    const answer: InForceAnswer = { schema: 1, instance };
    asked.call.answer(new TextEncoder().encode(JSON.stringify(answer)));
  }

  #read({ subject, body }: Call): InForceQuestion | undefined {
    try {
      const question = JSON.parse(new TextDecoder().decode(body)) as InForceQuestion;
      if (question.schema === 1) return question;
    } catch (err) {
      this.#parts.log.debug({ err, subject }, 'question cannot be read');
    }
    return undefined;
  }
}

/**
 * The same record, or a newer one. Revisions alone do not tell: they begin again in a bucket that was made anew. Nor does what the
 * record holds: a bundle may change and change back, and what came between is not told yet.
 */
function answers(
  { record, revision }: NonNullable<ReturnType<PolicyTable['stands']>>,
  asked: InForceQuestion,
): boolean {
  if (revision < asked.revision || record.uid !== asked.uid) return false;
  return (
    record.generation > asked.generation ||
    (record.generation === asked.generation && record.bundle?.digest === asked.digest)
  );
}

const policyOf = (subject: string): string => policyOfToken(subject.slice(subject.lastIndexOf('.') + 1));

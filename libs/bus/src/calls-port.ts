import type { Running } from './running.ts';

export interface Call {
  subject: string;
  body: Uint8Array;
  /** To who asked; nobody hears it where nothing was asked. */
  answer(body: Uint8Array): void;
}

/** To all who listen; stop() ends listening to answers. */
export interface Question extends Running {
  /** Asks, or asks again: questions and answers may be lost. */
  ask(): void;
}

export interface QuestionOptions {
  /** One token: answers come below it in the own inbox, so that those who answer may publish there alone. */
  answersBelow: string;
  onAnswer(body: Uint8Array): void;
}

/**
 * Words to everybody who listens at this moment, each once at most. Nothing is stored, so they pass while JetStream does not
 * answer; what is said without a connection may come later or never.
 */
export interface Calls {
  tell(subject: string, body: Uint8Array): void;
  listen(subject: string, onCall: (call: Call) => void): Running;
  question(subject: string, body: Uint8Array, options: QuestionOptions): Question;
}

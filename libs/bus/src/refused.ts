import { JetStreamApiError } from '@nats-io/jetstream';
import { InvalidArgumentError } from '@nats-io/nats-core';

/** A message that can never be published as it is, however often it is tried: too large, or with an id that is none. */
export class PublicationRefused extends Error {
  constructor(cause: Error) {
    super(`refused for good: ${cause.message}`, { cause });
    this.name = 'PublicationRefused';
  }
}

/** Of JetStream: the message is larger than its stream takes. */
const MESSAGE_TOO_LARGE = 10_054;

/**
 * The error of a publication, as PublicationRefused when it says so. What an operator can mend (no stream, no right, no
 * room) is worth waiting for.
 */
export function publicationError(error: unknown): unknown {
  // The client's own limits: larger than max_payload, or a line end in a header.
  if (error instanceof InvalidArgumentError) return new PublicationRefused(error);
  const isTooLarge = error instanceof JetStreamApiError && error.code === MESSAGE_TOO_LARGE;
  return isTooLarge ? new PublicationRefused(error) : error;
}

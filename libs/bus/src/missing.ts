import { JetStreamApiError } from '@nats-io/jetstream';

/** The server says that there is no such stream, consumer or message. */
export const isMissing = (error: unknown): boolean => error instanceof JetStreamApiError && error.status === 404;

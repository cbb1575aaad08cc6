import type { Consumer, JsMsg } from '@nats-io/jetstream';

export interface PullOptions {
  max_messages: number;
  /** The pull ends by itself after so many milliseconds. */
  expires: number;
}

/**
 * The messages of one pull. While there is a connection it ends by itself, so that nothing is left behind that the server
 * had sent. The client goes on waiting when the connection is lost: once `signal` has aborted it ends all the same.
 */
export async function* pull(consumer: Consumer, options: PullOptions, signal?: AbortSignal): AsyncGenerator<JsMsg> {
  const messages = await consumer.fetch(options);
  let timer: NodeJS.Timeout | undefined;
  const endSoon = () => {
    timer = setTimeout(() => void messages.close(), options.expires);
  };
  if (signal?.aborted) endSoon();
  else signal?.addEventListener('abort', endSoon, { once: true });
  try {
    yield* messages;
  } finally {
    signal?.removeEventListener('abort', endSoon);
    clearTimeout(timer);
  }
}

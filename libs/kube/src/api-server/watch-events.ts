import type { IncomingMessage } from 'node:http';
import type { KubeObject } from '@jspolicy/contracts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

/** The events of one watch answer: a JSON object per line. Ends with the answer, or when its connection does. */
export async function* watchEvents(response: IncomingMessage): AsyncGenerator<WatchEvent> {
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of response) {
      const from = rest.length;
      rest += chunk;
      let start = 0;
      for (let end = rest.indexOf('\n', from); end >= 0; end = rest.indexOf('\n', start)) {
        if (end > start) yield JSON.parse(rest.slice(start, end)) as WatchEvent;
        start = end + 1;
      }
      rest = rest.slice(start);
    }
  } catch (error) {
    // A connection that ends in the middle is the watch's daily life: the next one goes on from the last event.
    if (!isClosed(error)) throw error;
  } finally {
    response.destroy();
  }
}

const CLOSED = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ABORT_ERR', 'ETIMEDOUT']);

const isClosed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && CLOSED.has(String(error.code));

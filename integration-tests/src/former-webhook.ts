import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { ServingPair } from '@jspolicy/certificates';
import type { AdmissionReview } from '@jspolicy/contracts';

/** Stands in for the webhook of a jsPolicy that still runs: it answers what the policies of the test decide. */
export class FormerWebhook {
  readonly #server: Server;
  answered = 0;

  constructor({ cert, key }: ServingPair, isDenied: (path: string, name: string) => string | undefined) {
    this.#server = createServer({ cert, key }, async (request, response) => {
      const review = (await json(request)) as AdmissionReview;
      const { uid, name = '' } = review.request as { uid: string; name?: string };
      const message = isDenied(request.url ?? '', name);
      const answer = {
        uid,
        allowed: message === undefined,
        ...(message !== undefined && { status: { message, code: 403 } }),
      };
      this.answered += 1;
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: answer }));
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers what is under way; no connection is kept, so none is cut off. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

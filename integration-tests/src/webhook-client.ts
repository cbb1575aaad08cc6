import { readFileSync } from 'node:fs';
import { Agent, type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { AdmissionReview } from '@jspolicy/contracts';

export interface WebhookAnswer {
  status: number;
  contentType: string;
  text: string;
}

/** Posts reviews to the gateway as the API server does: HTTPS, keep-alive, `?timeout=`. */
export class WebhookClient {
  readonly url: string;
  readonly #ca: Buffer;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number, caFile: string) {
    this.url = `https://127.0.0.1:${port}`;
    this.#ca = readFileSync(caFile);
  }

  async review(policy: string, review: unknown, options: { timeout?: string } = {}): Promise<WebhookAnswer> {
    return this.send(`/policy/${policy}?timeout=${options.timeout ?? '30s'}`, { body: JSON.stringify(review) });
  }

  /** The review's response; throws when the status is not 200. */
  async judge(policy: string, review: unknown, options: { timeout?: string } = {}) {
    const answer = await this.review(policy, review, options);
    if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
    const { response } = JSON.parse(answer.text) as AdmissionReview;
    if (!response) throw new Error(`no response in ${answer.text}`);
    return response;
  }

  send(path: string, options: { method?: string; body?: string | Buffer; headers?: RequestOptions['headers'] } = {}) {
    const { method = 'POST', body = '', headers = { 'content-type': 'application/json' } } = options;
    return new Promise<WebhookAnswer>((resolve, reject) => {
      const sent = request(this.url + path, { method, ca: this.#ca, agent: this.#agent, headers }, (answer) => {
        const contentType = answer.headers['content-type'] ?? '';
        text(answer).then((got) => resolve({ status: answer.statusCode ?? 0, contentType, text: got }), reject);
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

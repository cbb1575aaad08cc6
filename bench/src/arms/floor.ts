import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Bus, connectBus } from '@jspolicy/bus';
import { loadConfig, optionalText, type Service, type ServiceContext, text } from '@jspolicy/runtime';
import { FLOOR_ANSWER } from '../answers.ts';
import { ANSWER_SUBJECT } from './bus-answerer.ts';

const settings = {
  certFile: text({ env: 'TLS_CERT_FILE', describe: 'serving certificate, PEM' }),
  keyFile: text({ env: 'TLS_KEY_FILE', describe: 'its private key, PEM' }),
  natsUrl: optionalText({ env: 'NATS_URL', describe: 'ask the answerer behind this NATS; absent: answer at once' }),
};

const DEADLINE_MS = 9_800;
/** As the gateway's. */
const KEEP_ALIVE_MS = 120_000;
const BODY_MS = 30_000;

/**
 * The least that an HTTPS webhook in Node does: the gateway's TLS settings, the whole body read, a fixed answer. With a
 * NATS URL the body is handed over the bus and the answer comes from there: what two hops cost.
 */
export function createFloor({ env, log }: ServiceContext): Service {
  const config = loadConfig(settings, env);
  const tls = {
    cert: readFileSync(config.certFile),
    key: readFileSync(config.keyFile),
    minVersion: 'TLSv1.2',
  } as const;
  const server = createServer({ ...tls, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: BODY_MS });
  let bus: Bus | undefined;
  return {
    async start() {
      if (config.natsUrl) bus = await connectBus({ servers: config.natsUrl, name: 'floor', log });
      const answer = bus ? overBus(bus) : () => Promise.resolve(Buffer.from(FLOOR_ANSWER));
      server.on('request', (request, response) => void serve(request, response, answer));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await bus?.close();
    },
    describe: () => ({ port: (server.address() as AddressInfo | null)?.port }),
  };
}

const overBus = (bus: Bus) => async (body: Uint8Array) =>
  (await bus.request(ANSWER_SUBJECT, body, { deadlineMs: DEADLINE_MS })).body;

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (body: Uint8Array) => Promise<Uint8Array>,
): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', async () => {
    try {
      const body = await answer(Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    } catch (error) {
      response.writeHead(503).end(String(error));
    }
  });
}

import type { Server as TlsServer } from 'node:tls';
import { ERRORS, type ErrorCode, MAX_BODY_BYTES, statusBody } from '@jspolicy/contracts';
import type { OwnKindStage } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { BodyBudget } from './body-budget.ts';
import type { ServingCertificate } from './certificate/serving-certificate.ts';
import { internalError } from './internal-error.ts';
import { answerOwnKind } from './own-kinds-handler.ts';
import type { ReviewHandler } from './review-handler.ts';
import { endSilentConnections } from './silent-connections.ts';

/** The API server keeps connections idle for 90 s: closing one earlier would lose a request that is on its way. */
const KEEP_ALIVE_MS = 120_000;
/** A body that takes longer than the longest webhook timeout has nobody waiting for it. */
const BODY_MS = 30_000;

/** Of a body that is too large; beyond it the caller is cut off. */
const MAX_READ_ON_BYTES = 8 * MAX_BODY_BYTES;

/** More than the 253 characters that a policy's name has, escaped: any other path is told to be none by ourselves. */
const MAX_PATH_LENGTH = 16_384;

const MIN_VERSION = 'TLSv1.2';

const JSON_TYPE = 'application/json';

/** Where the engine's own kinds are judged. */
const OWN_KINDS: ReadonlyMap<string, OwnKindStage> = new Map([
  ['/crds', 'complete'],
  ['/crds/before-schema', 'before-schema'],
]);

export interface ServerOptions extends ServingCertificate {
  handler: Pick<ReviewHandler, 'handle'>;
  bodies: BodyBudget;
  log: Logger;
  onAnswer(status: number): void;
  /** The process ends soon: callers are told to come by other connections. */
  isEnding(): boolean;
}

/**
 * The webhook: POST /policy/<name>, whose bodies stay bytes, read by no JSON parser of the host; and POST /crds, where
 * the engine's own kinds are judged.
 */
export function createServer({ cert, key, handler, bodies, log, onAnswer, isEnding }: ServerOptions): FastifyInstance {
  const server = fastify({
    https: { cert, key, minVersion: MIN_VERSION },
    bodyLimit: MAX_BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: BODY_MS,
    // Requests that come while the server closes are still answered, with `Connection: close`.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    logger: false,
    routerOptions: { maxParamLength: MAX_PATH_LENGTH },
    // A URL whose escapes are none.
    frameworkErrors: (_error, request, reply) => refuse(reply, 'UNKNOWN_PATH', `404 page not found: ${request.url}`),
  }) as unknown as FastifyInstance;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  // Hooks with a callback: a promise for each would cost more than what they do.
  server.addHook('onResponse', (_request, reply, done) => {
    onAnswer(reply.statusCode);
    done();
  });
  closeConnectionsAtTheEnd(server, isEnding);
  endSilentConnections(server);
  refuseWrongRequests(server);
  boundBodies(server, bodies);
  answerErrors(server, bodies, log);
  server.post<{ Params: { policy: string }; Querystring: { timeout?: string } }>(
    '/policy/:policy',
    async (request, reply) => {
      const { status, body } = await handler.handle({
        policy: request.params.policy,
        timeout: request.query.timeout,
        body: request.body as Buffer | undefined,
      });
      if (status === 503) reply.header('retry-after', '1');
      return reply.code(status).type(JSON_TYPE).send(body);
    },
  );
  judgeOwnKinds(server);
  return server;
}

/** Connections that begin from now on are served by it; those that exist go on. */
export function swapCertificate(server: FastifyInstance, { cert, key }: ServingCertificate): void {
  (server.server as unknown as TlsServer).setSecureContext({ cert, key, minVersion: MIN_VERSION });
}

function judgeOwnKinds(server: FastifyInstance): void {
  for (const [path, stage] of OWN_KINDS) {
    server.post(path, (request, reply) => {
      const { status, body } = answerOwnKind(request.body as Buffer | undefined, stage);
      return reply.code(status).type(JSON_TYPE).send(body);
    });
  }
}

/**
 * The API server keeps its connections, and endpoints that change do not end them. Each is told with its next answer: a
 * connection that the server closes by itself may have a request on its way, which would be lost.
 */
function closeConnectionsAtTheEnd(server: FastifyInstance, isEnding: () => boolean): void {
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (isEnding()) reply.header('connection', 'close');
    done();
  });
}

function refuseWrongRequests(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const isPolicy = path.startsWith('/policy/');
    if (!isPolicy && !OWN_KINDS.has(path)) return refuse(reply, 'UNKNOWN_PATH', `404 page not found: ${path}`);
    if (isPolicy && path.indexOf('/', '/policy/'.length) >= 0)
      return refuse(reply, 'UNKNOWN_PATH', `wrong request path: ${path}`);
    if (request.method !== 'POST')
      return refuse(reply.header('allow', 'POST'), 'METHOD_NOT_ALLOWED', `method ${request.method}, expected POST`);
    const contentType = request.headers['content-type'] ?? '';
    if (contentType !== JSON_TYPE)
      return refuse(reply, 'UNSUPPORTED_CONTENT_TYPE', `contentType=${contentType}, expected ${JSON_TYPE}`);
    done();
  });
  server.setNotFoundHandler((request, reply) => refuse(reply, 'UNKNOWN_PATH', `404 page not found: ${request.url}`));
}

/** What is read of a body counts from here on; the hooks are callbacks, so that nothing of it comes before the parser listens. */
function boundBodies(server: FastifyInstance, bodies: BodyBudget): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (!bodies.hasRoom)
      return refuse(
        reply.header('retry-after', '1'),
        'OVERLOADED',
        'the gateway holds as many bytes of reviews as it may',
      );
    bodies.watch(request.raw, reply.raw);
    done();
  });
}

/** What the framework refuses is the caller's fault where it says so; everything else is ours, and logged. */
function answerErrors(server: FastifyInstance, bodies: BodyBudget, log: Logger): void {
  server.setErrorHandler((error: { code?: string; statusCode?: number; message: string }, request, reply) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
      bodies.release(request.raw);
      readOn(request, reply);
      return refuse(reply, 'BODY_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
    }
    const { statusCode = 500 } = error;
    if (statusCode >= 400 && statusCode < 500) return refuse(reply, 'MALFORMED_REVIEW', error.message);
    const { policy } = request.params as { policy?: string };
    const { message } = internalError(error, { policy, body: request.body as Buffer | undefined }, log);
    return refuse(reply, 'INTERNAL', message);
  });
}

/** A connection that is closed while the caller still sends takes the answer with it: the rest is read and thrown away. */
function readOn(request: FastifyRequest, reply: FastifyReply): void {
  if (!(Number(request.headers['content-length']) <= MAX_READ_ON_BYTES)) return;
  reply.removeHeader('connection');
  request.raw.resume();
}

function refuse(reply: FastifyReply, code: ErrorCode, message: string): FastifyReply {
  const { status } = ERRORS[code];
  // Bytes, because a string would get a charset in its content type.
  return reply
    .code(status)
    .type(JSON_TYPE)
    .send(Buffer.from(statusBody(status, message)));
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

export const MIB = 1024 * 1024;

export interface FixtureServer {
  port: number;
  url: string;
  /** Requests that came, as `GET /path`. */
  readonly seen: string[];
  /** Connections that are open. */
  connections(): Promise<number>;
  stop(): Promise<void>;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const chunk = Buffer.alloc(MIB, 'x');

function endless(response: ServerResponse): void {
  const send = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', send);
  };
  send();
}

const gzipped =
  (body: Buffer): Answer =>
  (response) => {
    const packed = gzipSync(body);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed);
  };

const ANSWERS: Record<string, Answer> = {
  '/echo': async (response, request) => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
  },
  '/headers': (response) =>
    response.writeHead(200, { 'x-multi': ['a', 'b'], 'X-UPPER': 'u', 'transfer-encoding': 'chunked' }).end('x'),
  '/teapot': (response) => response.writeHead(418, 'I am').end(),
  '/bytes': (response) => response.end(Buffer.from([0x61, 0xff, 0x62])),
  '/ten': (response) => response.end(Buffer.alloc(10 * MIB, 'x')),
  '/more': (response) => response.end(Buffer.alloc(10 * MIB + 1, 'x')),
  '/endless': endless,
  '/gzip': gzipped(Buffer.from('packed')),
  '/bomb': gzipped(Buffer.alloc(50 * MIB)),
  '/no-gzip': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('plain'),
  '/silent': () => undefined,
  '/half': (response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  },
  '/closed': (response) => response.socket?.destroy(),
  '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  '/no-location': (response) => response.writeHead(302).end('stays'),
};

/** A real server on 127.0.0.1. `/redirect/STATUS?TO` redirects. */
export async function fixtureServer(): Promise<FixtureServer> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '', 'http://x');
    seen.push(`${request.method} ${request.url}`);
    const [, status] = /^\/redirect\/(\d+)/.exec(pathname) ?? [];
    if (status) response.writeHead(Number(status), { location: decodeURIComponent(search.slice(1)) }).end();
    else void ANSWERS[pathname]?.(response, request);
  });
  const port = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    seen,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with what is no HTTP. */
export async function nonsenseServer(): Promise<{ port: number; stop(): void }> {
  const server = createTcpServer((socket) => socket.on('error', () => undefined).end('nonsense\r\n\r\n'));
  return { port: await listen(server), stop: () => void server.close() };
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

import { getEventListeners } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { createCertificates } from '@jspolicy/certificates';
import { waitFor } from '@jspolicy/testing';
import { describe, expect, test } from 'vitest';
import { contextFor, inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { openSink, type Sink } from '../index.ts';

const jsonOf = (from: number, to: number) =>
  sinkEvents(to)
    .slice(from - 1)
    .map(({ json }) => json);

test('stdout gets lines of JSON', async () => {
  const stdout = new PassThrough();
  const sink = await openSink('stdout', {}, contextFor({ stdout }));
  await sink.write(sinkEvents(2), inTime());
  expect(stdout.read()?.toString()).toBe(`${jsonOf(1, 2).join('\n')}\n`);
});

describe('syslog, against a server of the test that follows RFC 5424 and RFC 6587:', () => {
  /** What came, without the lengths in front. */
  class SyslogServer {
    #received = Buffer.alloc(0);
    readonly #sockets: Socket[] = [];
    readonly #server: Server;

    constructor(tls?: object) {
      const onSocket = (socket: Socket) => {
        this.#sockets.push(socket);
        socket.on('data', (chunk) => {
          this.#received = Buffer.concat([this.#received, chunk]);
        });
        socket.on('error', () => undefined);
      };
      this.#server = tls ? createTlsServer(tls, onSocket) : createServer(onSocket);
    }

    get messages(): string[] {
      const messages: string[] = [];
      for (let at = 0; at < this.#received.length; ) {
        const space = this.#received.indexOf(' ', at);
        const length = Number(this.#received.subarray(at, space).toString());
        messages.push(this.#received.subarray(space + 1, space + 1 + length).toString());
        at = space + 1 + length;
      }
      return messages;
    }

    async start(): Promise<number> {
      await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
      return (this.#server.address() as AddressInfo).port;
    }

    hangUp(): void {
      for (const socket of this.#sockets) socket.destroy();
    }

    async stop(): Promise<void> {
      this.hangUp();
      await new Promise((done) => this.#server.close(done));
    }
  }

  const common = { host: '127.0.0.1', facility: 13, appName: 'jspolicy' };
  const HEADER = /^<108>1 2026-01-02T03:04:05\.678Z \S+ jspolicy \d+ Deny - (\{.*\})$/;

  async function writesAll(server: SyslogServer, sink: Sink): Promise<void> {
    await sink.write(sinkEvents(3), inTime());
    await waitFor(() => server.messages.length === 3, { what: 'three messages' });
    expect(server.messages.map((message) => HEADER.exec(message)?.[1])).toEqual(jsonOf(1, 3));
  }

  test('TCP, and a server that hung up is noticed', async () => {
    const server = new SyslogServer();
    const sink = await openSink('syslog', { ...common, port: await server.start(), tls: false }, contextFor());
    await writesAll(server, sink);
    server.hangUp();
    await expect(sink.write(sinkEvents(1), inTime())).rejects.toThrow();
    await sink.close();
    await server.stop();
  });

  test('a server that is away leaves nothing behind at the signal, and fields are of one line', async () => {
    const { signal } = new AbortController();
    const away = openSink('syslog', { ...common, port: 1, tls: false }, contextFor({ signal }));
    await expect(away).rejects.toThrow('ECONNREFUSED');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const server = new SyslogServer();
    const settings = { ...common, port: await server.start(), tls: false };
    const sink = await openSink('syslog', settings, contextFor({ signal }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const odd = sinkEvent(1, { message: 'a\r\n<0>1 forged\u0000' });
    odd.event.time = 'Jan 2 2026 03:04:05.678 UTC (a\n<0>1 forged)';
    await sink.write([{ ...odd, json: JSON.stringify(odd.event) }], inTime());
    await waitFor(() => server.messages.length === 1, { what: 'the message' });
    expect(server.messages).toEqual([expect.stringMatching(HEADER)]);
    await sink.close();
    await server.stop();
  });

  test('TLS', async () => {
    const { cert, key, ca } = await createCertificates({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
    const server = new SyslogServer({ cert, key });
    const port = await server.start();
    const sink = await openSink(
      'syslog',
      { ...common, host: 'localhost', port, tls: true, caSecret: ca },
      contextFor(),
    );
    await writesAll(server, sink);
    await sink.close();
    const stranger = openSink('syslog', { ...common, host: 'localhost', port, tls: true }, contextFor());
    await expect(stranger).rejects.toThrow(/certificate/);
    await server.stop();
  });
});

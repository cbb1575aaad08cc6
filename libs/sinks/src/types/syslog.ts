import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { ViolationEvent } from '@jspolicy/contracts';
import { flag, integer, required, text, withDefault } from '../fields.ts';
import { type SinkContext, type SinkEvent, sinkType } from '../port.ts';
import { checkAddress, guardedLookup } from '../reach.ts';
import { type TlsSettings, tlsFields, tlsOptions, tlsProblems } from '../tls-settings.ts';

/** Severities of RFC 5424: warning and notice. */
const SEVERITIES = { Deny: 4, Warn: 5, Dry: 5, Controller: 4 };
/** At most 255 visible characters. */
const HOSTNAME =
  hostname()
    .replaceAll(/[^!-~]/g, '')
    .slice(0, 255) || '-';
/** How long a connection that the server closed is given to say so, after the last write. */
const LAST_WORD_MS = 20;

/**
 * RFC 5424 over TCP or TLS (RFC 6587, RFC 5425: with the length in front of each message), the event as JSON. Syslog has no
 * acknowledgement: what the server's system took counts as delivered.
 */
export const syslog = sinkType({
  fields: {
    host: required(text()),
    port: withDefault(integer(1, 65_535), 6514),
    tls: withDefault(flag(), true),
    /** 13 is log audit. */
    facility: withDefault(integer(0, 23), 13),
    appName: withDefault(text(), 'jspolicy'),
    ...tlsFields,
  },
  problems: ({ tls, caSecret, clientCertificateSecret, clientKeySecret, appName }) => [
    ...(tls === false && (caSecret ?? clientCertificateSecret) !== undefined
      ? ['caSecret and clientCertificateSecret are for TLS']
      : []),
    ...tlsProblems({ clientCertificateSecret, clientKeySecret }),
    ...(appName !== undefined && !/^[!-~]{1,48}$/.test(appName) ? ['appName must be 1 to 48 visible characters'] : []),
  ],
  async open(settings, context) {
    const socket = await connected(settings, context);
    const lost = { error: undefined as Error | undefined };
    socket.on('error', (error) => {
      lost.error = error;
    });
    socket.on('close', () => {
      lost.error ??= new Error('the server closed the connection');
    });
    // What it says is of no use, but its end of the connection is noticed only while it is read.
    socket.resume();
    return {
      async write(events) {
        await written(socket, Buffer.concat(events.map((each) => frame(each, settings))));
        await new Promise((resolve) => setTimeout(resolve, LAST_WORD_MS));
        if (lost.error) throw lost.error;
        return [];
      },
      close: async () => void socket.destroy(),
    };
  },
});

interface Target extends TlsSettings {
  host: string;
  port: number;
  tls: boolean;
}

function connected(target: Target, { signal, refused }: SinkContext): Promise<Socket> {
  const { host, port, tls } = target;
  return new Promise((resolve, reject) => {
    checkAddress(host, refused);
    const there = { host, port, lookup: guardedLookup(refused) };
    const socket: Socket = tls ? connectTls({ ...there, servername: host, ...tlsOptions(target) }) : connect(there);
    const abort = () => void socket.destroy(new Error('no connection in time'));
    signal.addEventListener('abort', abort, { once: true });
    const failed = (error: Error) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
    socket.once('error', failed);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

const written = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const closed = () => reject(new Error('the server closed the connection'));
    socket.once('close', closed);
    socket.write(bytes, (error) => {
      socket.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });

function frame({ event, json }: SinkEvent, settings: { facility: number; appName: string }): Buffer {
  const message = Buffer.from(`${header(event, settings)} - ${json}`);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID */
function header({ time, data }: ViolationEvent, { facility, appName }: { facility: number; appName: string }): string {
  const priority = facility * 8 + (SEVERITIES[data.action] ?? 5);
  return `<${priority}>1 ${new Date(time).toISOString()} ${HOSTNAME} ${appName} ${process.pid} ${data.action}`;
}

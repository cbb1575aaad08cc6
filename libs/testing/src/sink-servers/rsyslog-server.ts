import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPackaged, freePort } from '@jspolicy/servers';
import { tempDir } from '../temp-dir.ts';
import { toStderr } from '../to-stderr.ts';
import { type SinkServer, startListening } from './sink-server.ts';

export interface RsyslogServer extends SinkServer {
  readonly port: number;
  /** Parsed by the server: facility, severity, time, appName, msgId and message, each as it understood it. */
  messages(): Promise<RsyslogMessage[]>;
}

export interface RsyslogMessage {
  facility: string;
  severity: string;
  time: string;
  appName: string;
  msgId: string;
  message: string;
}

/** PEM. */
export interface RsyslogTls {
  ca: string;
  cert: string;
  key: string;
}

/** Written by the server itself, as one line of JSON each. */
const TEMPLATE = `template(name="line" type="list" option.jsonf="on") {
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="appName" name="app-name" format="jsonf")
  property(outname="msgId" name="msgid" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}`;

/** rsyslogd that takes RFC 5424 over TCP, or over TLS. */
export async function rsyslogForTest({ tls }: { tls?: RsyslogTls } = {}): Promise<RsyslogServer> {
  const root = await findPackaged('rsyslog', { onProgress: toStderr });
  const dir = await tempDir();
  const port = await freePort();
  const libraries = await librariesIn(root);
  const received = join(dir.path, 'received.ndjson');
  const config = join(dir.path, 'rsyslog.conf');
  const driver = tls ? await tlsDriver(tls, dir.path) : ['', ''];
  await writeFile(
    config,
    `global(workDirectory=${quoted(dir.path)} maxMessageSize="1m" processInternalMessages="on"${driver[0]})
module(load="imtcp"${driver[1]})
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="received")
${TEMPLATE}
ruleset(name="received") { action(type="omfile" file=${quoted(received)} template="line") }
action(type="omfile" file=${quoted(join(dir.path, 'own.log'))})
`,
  );
  const child = await startListening(
    {
      name: 'rsyslogd',
      command: join(root, 'usr/sbin/rsyslogd'),
      args: ['-n', '-f', config, '-i', join(dir.path, 'pid'), '-M', join(libraries, 'rsyslog')],
      env: { ...process.env, LD_LIBRARY_PATH: libraries },
    },
    [port],
  );
  return {
    port,
    messages: async () => (existsSync(received) ? parsed(await readFile(received, 'utf8')) : []),
    async stop() {
      await child.stop();
      await dir.remove();
    },
  };
}

const quoted = (text: string): string => JSON.stringify(text);

const parsed = (text: string): RsyslogMessage[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Of this machine's architecture: usr/lib/x86_64-linux-gnu. */
async function librariesIn(root: string): Promise<string> {
  const names: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };
  return join(root, 'usr/lib', `${names[process.arch] ?? process.arch}-linux-gnu`);
}

async function tlsDriver({ ca, cert, key }: RsyslogTls, dir: string): Promise<[global: string, module: string]> {
  const files = { CAFile: ca, CertFile: cert, KeyFile: key };
  const settings = [];
  for (const [name, pem] of Object.entries(files)) {
    const path = join(dir, `${name}.pem`);
    await writeFile(path, pem, { mode: 0o600 });
    settings.push(`defaultNetstreamDriver${name}=${quoted(path)}`);
  }
  return [` ${settings.join(' ')}`, ' streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"'];
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Child, findPackaged, freePort } from '@jspolicy/servers';
import { tempDir } from '../temp-dir.ts';
import { toStderr } from '../to-stderr.ts';
import { type SinkServer, startListening } from './sink-server.ts';

export interface KafkaBroker extends SinkServer {
  /** Without TLS and without SASL. */
  readonly address: string;
  /** With TLS and SASL: PLAIN and SCRAM-SHA-512. */
  readonly securedAddress: string;
  readonly username: string;
  readonly password: string;
  createTopic(name: string, partitions: number): Promise<void>;
  topics(): Promise<string[]>;
  /** Reads so many messages of a topic from its beginning, with Kafka's own consumer. */
  consume(topic: string, count: number): Promise<KafkaMessage[]>;
  /** Ends it as a crash does and starts it again at the same addresses with the same topics. */
  restart(): Promise<void>;
  kill(): Promise<void>;
}

export interface KafkaMessage {
  partition: number;
  /** As Kafka's consumer prints them: name:value,name:value. */
  headers: string;
  key: string;
  value: string;
}

const JAVA_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const USER = { username: 'jspolicy', password: 'a-password-of-this-test' };

/** Kafka's own broker, one node that is its own controller (KRaft). */
export async function kafkaForTest(tls: { cert: string; key: string }): Promise<KafkaBroker> {
  const jars = await findPackaged('kafka', { onProgress: toStderr });
  const dir = await tempDir();
  const classPath = ['-cp', join(jars, '*')];
  const [port, securedPort, controllerPort] = [await freePort(), await freePort(), await freePort()];
  const config = join(dir.path, 'server.properties');
  const identity = join(dir.path, 'identity.pem');
  await writeFile(identity, `${tls.key}\n${tls.cert}`, { mode: 0o600 });
  await writeFile(config, properties({ port, securedPort, controllerPort, identity, data: join(dir.path, 'data') }), {
    mode: 0o600,
  });
  const run = async (main: string, args: string[]) =>
    (
      await promisify(execFile)('java', [...classPath, main, ...args], {
        timeout: JAVA_TIMEOUT_MS,
        maxBuffer: MAX_OUTPUT_BYTES,
      })
    ).stdout;
  const scram = `SCRAM-SHA-512=[name=${USER.username},password=${USER.password}]`;
  const id = randomBytes(16).toString('base64url');
  await run('kafka.tools.StorageTool', ['format', '-t', id, '-c', config, '--add-scram', scram]);
  const start = () =>
    startListening({ name: 'kafka', command: 'java', args: ['-Xmx256m', ...classPath, 'kafka.Kafka', config] }, [
      port,
      securedPort,
    ]);
  let child: Child = await start();
  const address = `127.0.0.1:${port}`;
  const tool = (main: string, ...args: string[]) =>
    run(`org.apache.kafka.tools.${main}`, ['--bootstrap-server', address, ...args]);
  const kill = async () => {
    child.kill('SIGKILL');
    await child.exited;
  };
  return {
    ...USER,
    address,
    securedAddress: `localhost:${securedPort}`,
    async createTopic(name, partitions) {
      await tool('TopicCommand', '--create', '--topic', name, '--partitions', String(partitions));
    },
    topics: async () => (await tool('TopicCommand', '--list')).split('\n').filter(Boolean),
    consume: async (topic, count) => messagesIn(await tool('consumer.ConsoleConsumer', ...consumerArgs(topic, count))),
    kill,
    async restart() {
      await kill();
      child = await start();
    },
    async stop() {
      await child.stop();
      await dir.remove();
    },
  };
}

interface BrokerFacts {
  port: number;
  securedPort: number;
  controllerPort: number;
  identity: string;
  data: string;
}

function properties({ port, securedPort, controllerPort, identity, data }: BrokerFacts): string {
  const plainUser = `user_${USER.username}="${USER.password}"`;
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=OPEN://127.0.0.1:${port},SECURED://127.0.0.1:${securedPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=OPEN://127.0.0.1:${port},SECURED://localhost:${securedPort}
listener.security.protocol.map=OPEN:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=OPEN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ${plainUser};
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=${identity}
log.dirs=${data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`;
}

const consumerArgs = (topic: string, count: number): string[] => [
  ...['--topic', topic, '--from-beginning', '--max-messages', String(count), '--timeout-ms', String(JAVA_TIMEOUT_MS)],
  ...['partition', 'headers', 'key'].flatMap((each) => ['--property', `print.${each}=true`]),
];

const messagesIn = (text: string): KafkaMessage[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [partition = '', headers = '', key = '', value = ''] = line.split('\t');
      return { partition: Number(partition.replace('Partition:', '')), headers, key, value };
    });

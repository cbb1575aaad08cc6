import { addresses, flag, oneOf, required, secret, text, withDefault } from '../fields.ts';
import { RefusedError, sinkType } from '../port.ts';
import { checkHost } from '../reach.ts';
import { type TlsSettings, tlsFields, tlsOptions, tlsProblems } from '../tls-settings.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** An idempotent producer of this client tries without end when it is told to try once. The sink tries again by itself. */
const CLIENT_RETRY = { retries: 2, retryDelay: 200 };

/** What brokers say of a message, or of all that are sent to a partition together. Fewer of them may fit. */
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/** Messages for a topic of Kafka, with the policy as their key, acknowledged by all replicas in sync. */
export const kafka = sinkType({
  fields: {
    brokers: required(addresses()),
    topic: required(text()),
    tls: withDefault(flag(), false),
    ...tlsFields,
    saslMechanism: oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'),
    username: text(),
    passwordSecret: secret(),
  },
  problems: (settings) => [
    ...(settings.topic !== undefined && !/^[\w.-]{1,249}$/.test(settings.topic) ? ['topic is no name of a topic'] : []),
    ...(settings.tls !== true && (settings.caSecret ?? settings.clientCertificateSecret) !== undefined
      ? ['caSecret and clientCertificateSecret are for tls: true']
      : []),
    ...tlsProblems(settings),
    ...(new Set([settings.saslMechanism, settings.username, settings.passwordSecret].map((each) => each === undefined))
      .size > 1
      ? ['saslMechanism, username and passwordSecret belong together']
      : []),
  ],
  async open(settings, { name, refused }) {
    for (const broker of settings.brokers) await checkHost(broker.replace(/:\d+$/, ''), refused);
    // A client of its own size: loaded by whoever has such a sink.
    const { findErrorBy, ProduceAcks, Producer, stringSerializers } = await import('@platformatic/kafka');
    const producer = new Producer({
      clientId: `jspolicy-${name}`,
      bootstrapBrokers: settings.brokers,
      serializers: stringSerializers,
      acks: ProduceAcks.ALL,
      idempotent: true,
      autocreateTopics: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...CLIENT_RETRY,
      ...security(settings),
    });
    // Trouble is told by what is sent; unheard it would end the process.
    producer.on('error', () => undefined);
    return {
      async write(events, signal) {
        const messages = events.map(({ event, json }) => ({
          topic: settings.topic,
          key: event.data.policy,
          value: json,
          headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8', 'ce-id': event.id },
        }));
        const tooLarge = (error: Error) => TOO_LARGE.some((id) => findErrorBy(error, 'apiId', id) !== null);
        const sent = producer.send({ messages }).catch((error: Error) => {
          throw tooLarge(error)
            ? new RefusedError('the messages are larger than the broker takes', { cause: error })
            : error;
        });
        await untilAborted(sent, signal);
        return [];
      },
      close: () => producer.close(true).catch(() => undefined),
    };
  },
});

interface Security extends TlsSettings {
  tls: boolean;
  saslMechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | undefined;
  username: string | undefined;
  passwordSecret: string | undefined;
}

function security(settings: Security) {
  const { tls, saslMechanism, username, passwordSecret } = settings;
  return {
    ...(tls && { tls: tlsOptions(settings) }),
    ...(saslMechanism !== undefined &&
      username !== undefined &&
      passwordSecret !== undefined && { sasl: { mechanism: saslMechanism, username, password: passwordSecret } }),
  };
}

/** The client knows no signal: what it sends after that comes too late for us, and is sent again. */
function untilAborted<T>(sending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

import { flag, required, secret, text, url, withDefault } from '../fields.ts';
import { placeholderProblem, withPlaceholders } from '../placeholders.ts';
import { sinkType } from '../port.ts';
import { checkHost } from '../reach.ts';

/** An answer of a server in reach comes within this; the attempt's own limit may be longer. */
const PUBLISH_TIMEOUT_MS = 5_000;

/** Events on subjects of another NATS. With JetStream its stream has them, and knows a second one by its id. */
export const nats = sinkType({
  fields: {
    url: required(url('nats', 'tls')),
    subject: withDefault(text(), 'violations.{policy}'),
    jetStream: withDefault(flag(), true),
    user: text(),
    passwordSecret: secret(),
    tokenSecret: secret(),
    credentialsSecret: secret(),
    caSecret: secret(),
  },
  problems: ({ subject, user, passwordSecret, tokenSecret, credentialsSecret }) => [
    ...placeholderProblem('subject', subject),
    ...(subject !== undefined && !/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject) ? ['subject is no subject of NATS'] : []),
    // Subjects of the server itself, such as those that delete streams.
    ...(subject?.startsWith('$') ? ['subject must not begin with $'] : []),
    ...((user === undefined) !== (passwordSecret === undefined) ? ['user and passwordSecret belong together'] : []),
    ...([user, tokenSecret, credentialsSecret].filter((each) => each !== undefined).length > 1
      ? ['user, tokenSecret and credentialsSecret exclude each other']
      : []),
  ],
  async open(settings, { connectNats, signal, refused }) {
    const { url: servers, user, passwordSecret, tokenSecret, credentialsSecret, caSecret, jetStream } = settings;
    await checkHost(new URL(servers).hostname, refused);
    const publisher = await connectNats({
      servers,
      user,
      password: passwordSecret,
      token: tokenSecret?.trim(),
      credentials: credentialsSecret,
      ca: caSecret,
      signal,
    });
    return {
      async write(events) {
        for (const { event, json } of events) {
          const subject = withPlaceholders(settings.subject, event, subjectToken);
          await publisher.publish(subject, json, { id: event.id, jetStream, timeoutMs: PUBLISH_TIMEOUT_MS });
        }
        return [];
      },
      close: () => publisher.close(),
    };
  },
});

/** Text from outside as one token of a subject. */
const subjectToken = (value: string): string => value.replaceAll(/[^\w-]/g, '_') || '_';

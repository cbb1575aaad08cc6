import type { ReadOptions } from '@jspolicy/bus';
import { isPolicyName, sinceOf, VIOLATIONS_STREAM, type ViolationEvent, violationSubject } from '@jspolicy/contracts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type EngineOptions, findEngine, withBus } from '../stack/find-engine.ts';
import type { Terminal } from '../terminal.ts';
import { renderViolation, type ViolationFormat } from './render-violation.ts';
import { watchEngine } from './watch-engine.ts';

export interface ViolationsOptions extends EngineOptions {
  follow?: boolean;
  since?: string;
  policy?: string;
  namespace?: string;
  user?: string;
  output: ViolationFormat;
}

const DEFAULT_SINCE = '1h';

/** Prints violations until all are told, or until it is interrupted. Throws CommandError. */
export async function violations(options: ViolationsOptions, terminal: Terminal): Promise<number> {
  const reading = readingOf(options);
  const engine = await findEngine(options);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // Whoever read us has enough.
  process.stdout.once('error', () => process.exit(EXIT.ok));
  let printed = 0;
  let ended = false;
  await withBus(engine, async (bus) => {
    const watching = options.follow ? watchEngine({ engine, bus, signal: stopping.signal }, terminal) : undefined;
    void watching?.then((gone) => {
      ended = gone;
      stop();
    });
    try {
      for await (const { body } of bus.read({ ...reading, signal: stopping.signal })) {
        const event = eventOf(body);
        if (!event || !wanted(event, options)) continue;
        terminal.print(renderViolation(event, options.output));
        printed += 1;
      }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CommandError(`the record of violations cannot be read: ${why}`, { cause });
    }
  });
  if (ended) throw new CommandError('the `jspolicy up` that was followed has ended');
  if (printed === 0 && !options.follow) terminal.note(`no violations (--since ${options.since ?? DEFAULT_SINCE})`);
  return EXIT.ok;
}

function readingOf({ follow = false, since, policy }: ViolationsOptions): ReadOptions {
  if (policy !== undefined && !isPolicyName(policy))
    throw new CommandError(`--policy: ${policy} is no name of a policy`);
  const from = since === undefined && follow ? 'now' : sinceOf(since ?? DEFAULT_SINCE);
  if (from === undefined)
    throw new CommandError(`--since: ${since} is no duration (30s, 15m, 24h, 7d) and no RFC 3339 time`);
  return {
    stream: VIOLATIONS_STREAM,
    since: from,
    follow,
    ...(policy !== undefined && { subject: violationSubject(policy) }),
  };
}

/** What is no event of ours is passed over: it is a dead letter elsewhere. */
function eventOf(body: Uint8Array): ViolationEvent | undefined {
  try {
    const event = JSON.parse(new TextDecoder().decode(body)) as ViolationEvent | null;
    return event?.data?.policy ? event : undefined;
  } catch {
    return undefined;
  }
}

const wanted = ({ data }: ViolationEvent, { namespace, user }: ViolationsOptions): boolean =>
  (namespace === undefined || data.object.namespace === namespace) &&
  (user === undefined || data.user.username === user);

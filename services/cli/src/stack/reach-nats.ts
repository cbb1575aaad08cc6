import { type BusConfig, busProblems, busSettings, connectBus } from '@jspolicy/bus';
import { ConfigurationError, createLogger, loadConfig } from '@jspolicy/runtime';
import { CommandError, EXIT } from '../exit-codes.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** The client itself waits for ever: a server that starts at the same time as we do is worth so long. */
const GIVE_UP_MS = 15_000;

/** Who we are there, and TLS: the variables that the services read too. Throws CommandError. */
function securityOf(servers: string, env: NodeJS.ProcessEnv): BusConfig {
  try {
    return loadConfig(busSettings, { ...env, NATS_URL: servers }, busProblems);
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    const text = cause.problems.map((problem) => problem.replace(/^NATS_URL /, '--nats ')).join('; ');
    throw new CommandError(text, { exitCode: EXIT.configuration, cause });
  }
}

/** Connects once, before anything else is started. Throws CommandError, with the address, when that does not succeed. */
export async function reachNats(servers: string, terminal: Terminal, giveUpMs = GIVE_UP_MS): Promise<void> {
  const security = securityOf(servers, process.env);
  const shown = servers.split(',').join(', ');
  const giveUp = new AbortController();
  const log = createLogger({ service: 'cli', level: 'silent' });
  const connecting = connectBus({ servers, security, name: 'cli', service: 'cli', log, signal: giveUp.signal });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const text = `no answer in ${giveUpMs / 1000} s`;
    timer = setTimeout(() => reject(new Error(text)), giveUpMs);
  });
  try {
    await withProgress(terminal, `connecting to NATS at ${shown}`, () => Promise.race([connecting, late]));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      `NATS cannot be used at ${shown}: ${why}. Is it running there? Without --nats an own one is started`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
    giveUp.abort();
    connecting.then(
      (bus) => bus.close(),
      () => undefined,
    );
  }
}

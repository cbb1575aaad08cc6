import { connectBus } from '@jspolicy/bus';
import { createLogger } from '@jspolicy/runtime';
import { CommandError } from '../exit-codes.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** The client itself waits for ever: a server that starts at the same time as we do is worth so long. */
const GIVE_UP_MS = 15_000;

/** Connects once, before anything else is started. Throws CommandError, with the address, when that does not succeed. */
export async function reachNats(servers: string, terminal: Terminal, giveUpMs = GIVE_UP_MS): Promise<void> {
  const shown = servers.split(',').map(withoutCredentials).join(', ');
  const connecting = connectBus({ servers, name: 'cli', log: createLogger({ service: 'cli', level: 'silent' }) });
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
    connecting.then(
      (bus) => bus.close(),
      () => undefined,
    );
  }
}

function withoutCredentials(server: string): string {
  return server.trim().replace(/\/\/[^/@]*@/, '//');
}

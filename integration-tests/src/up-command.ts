import { join } from 'node:path';
import { startProcess, type TestProcess } from '@jspolicy/testing';
import { WebhookClient } from './webhook-client.ts';

const COMMAND = join(import.meta.dirname, '../../services/cli/bin/jspolicy.js');
/** A first start may build nats-server. */
const READY_TIMEOUT_MS = 120_000;

export interface UpCommand {
  readonly process: TestProcess;
  readonly webhook: WebhookClient;
  /** As Ctrl-C does it. */
  stop(): Promise<void>;
}

/** `jspolicy up` on a free port, as a user starts it. Resolves when it says that it is ready. */
export async function jspolicyUp(...args: string[]): Promise<UpCommand> {
  const started = await startProcess(process.execPath, [COMMAND, 'up', '--port', '0', ...args], {
    readyWhen: /^Ready\./,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  const webhook = new WebhookClient(Number(new URL(fact(started, 'Webhook')).port), fact(started, 'CA'));
  return {
    process: started,
    webhook,
    async stop() {
      webhook.close();
      started.kill('SIGINT');
      await started.exited;
    },
  };
}

function fact({ lines }: TestProcess, name: string): string {
  const found = lines.map((line) => new RegExp(`^${name} +(\\S+)$`).exec(line)?.[1]).find(Boolean);
  if (!found) throw new Error(`no ${name} in:\n${lines.join('\n')}`);
  return found;
}

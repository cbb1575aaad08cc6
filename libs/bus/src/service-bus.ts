import { type BusService, EngineError } from '@jspolicy/contracts';
import { type Health, type Logger, pause, type ServiceContext } from '@jspolicy/runtime';
import type { BusConfig } from './bus-settings.ts';
import { connectBus } from './nats-bus.ts';
import type { Bus } from './port.ts';
import type { Retention } from './stream-port.ts';

export interface BusServiceContext extends Pick<ServiceContext, 'log' | 'fail'> {
  service: BusService;
  /** Shown in the server's list of connections; absent: the service's. */
  name?: string;
  config: BusConfig;
  health: Health;
}

/** How long until a server that was not fit for us is looked at again: somebody has to change its configuration. */
const LOOK_AGAIN_MS = 2_000;

/**
 * The bus of a service: while it is away, or a server cannot carry what we send, the service is not ready and says why; when
 * the connection is given up for good the process ends.
 */
export async function connectServiceBus({
  service,
  name = service,
  config,
  health,
  log,
  fail,
}: BusServiceContext): Promise<Bus> {
  const began = new Date();
  let bus: Bus | undefined;
  let unfit: string | undefined;
  health.dependsOn(() => {
    const away = bus ? bus.away : { since: began, why: unfit };
    if (!away) return undefined;
    return `no connection to NATS since ${away.since.toISOString()}${away.why === undefined ? '' : `: ${away.why}`}`;
  });
  const options = { servers: config.natsUrl, security: config, service, name, log, onGivenUp: fail };
  bus = await untilFit(() => connectBus(options), {
    log,
    onUnfit: (why) => {
      unfit = why;
    },
    whyUnfit: (error) => (error instanceof EngineError && error.code === 'BUS_UNAVAILABLE' ? error.message : undefined),
  });
  return bus;
}

/** Bus.ensureTopology for the start of a service, which is not ready while JetStream does not answer, and says so. */
export async function topologyAtStart(
  bus: Bus,
  { log, health, retention }: { log: Logger; health: Health; retention?: Retention },
): Promise<void> {
  let unfit: string | undefined;
  health.dependsOn(() => unfit);
  await untilFit(() => bus.ensureTopology(retention), {
    log,
    onUnfit: (why) => {
      unfit = why;
    },
    whyUnfit: whyNoJetStream,
  });
}

/** Servers that have just started take seconds to agree on who leads JetStream, and answer nothing until then. */
function whyNoJetStream(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return 'JetStream does not answer';
  // The client and the server have several errors for it, which share these words alone.
  if (!/jetstream (is )?not enabled|jetstream system temporarily unavailable/i.test(error.message)) return undefined;
  return `JetStream cannot be used (${error.message}): the configuration of the NATS server needs jetstream {}, and the account the right to it`;
}

interface UnfitOptions {
  log: Logger;
  /** undefined: it is fit now. */
  onUnfit(why: string | undefined): void;
  /** undefined: the error says something else. */
  whyUnfit(error: unknown): string | undefined;
}

async function untilFit<T>(act: () => Promise<T>, { log, onUnfit, whyUnfit }: UnfitOptions): Promise<T> {
  for (let told: string | undefined; ; ) {
    try {
      const done = await act();
      onUnfit(undefined);
      return done;
    } catch (error) {
      const why = whyUnfit(error);
      if (why === undefined) throw error;
      onUnfit(why);
      if (why !== told) log.warn({ why }, 'NATS cannot be used as it is; waiting for it');
      told = why;
      await pause(LOOK_AGAIN_MS);
    }
  }
}

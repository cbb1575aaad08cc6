import type { BusService } from '@jspolicy/contracts';
import type { Health, Logger, ServiceContext } from '@jspolicy/runtime';
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

/**
 * The bus of a service: while it is away the service is not ready, and says since when; when the connection is given up
 * for good the process ends.
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
  health.dependsOn(() => {
    const away = bus ? bus.away : { since: began };
    if (!away) return undefined;
    return `no connection to NATS since ${away.since.toISOString()}${away.why === undefined ? '' : `: ${away.why}`}`;
  });
  bus = await connectBus({ servers: config.natsUrl, security: config, service, name, log, onGivenUp: fail });
  return bus;
}

/** Servers that have just started take seconds to agree on who leads JetStream, and answer nothing until then. */
const JETSTREAM_STARTS_MS = 120_000;

/** Bus.ensureTopology for the start of a service: waits for servers that are not ready for it yet. */
export async function topologyAtStart(bus: Bus, log: Logger, retention?: Retention): Promise<void> {
  for (const until = performance.now() + JETSTREAM_STARTS_MS; ; ) {
    try {
      return await bus.ensureTopology(retention);
    } catch (error) {
      const silent = error instanceof Error && error.name === 'TimeoutError';
      if (!silent || performance.now() > until) throw error;
      log.warn({ why: error.message }, 'waiting for JetStream');
    }
  }
}

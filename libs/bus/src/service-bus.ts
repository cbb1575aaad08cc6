import type { BusService } from '@jspolicy/contracts';
import type { Health, ServiceContext } from '@jspolicy/runtime';
import type { BusConfig } from './bus-settings.ts';
import { connectBus } from './nats-bus.ts';
import type { Bus } from './port.ts';

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

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type Bus, connectServiceBus } from '@jspolicy/bus';
import {
  createMetrics,
  type Health,
  logConfig,
  pause,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import type { FastifyInstance } from 'fastify';
import { readConfig, settings } from './config.ts';
import { ReviewHandler } from './review-handler.ts';
import { createServer } from './server.ts';

/** Start: health, bus, listener, ready. Stop: not ready, wait for endpoints, finish what is in flight, bus. */
export function createGateway({ env, log, fail }: ServiceContext): Service {
  const config = readConfig(env);
  logConfig(settings, config, log);
  const metrics = createMetrics();
  const answers = metrics.counter({
    name: 'jspolicy_gateway_answers_total',
    help: 'Answers by HTTP status',
    labels: ['code'],
  });
  let health: Health | undefined;
  let bus: Bus | undefined;
  let server: FastifyInstance | undefined;
  return {
    async start() {
      health = await startHealth(config.healthPort, metrics);
      bus = await connectServiceBus({ name: 'gateway', config, health, log, fail });
      server = createServer({
        cert: readFileSync(config.certFile, 'utf8'),
        key: readFileSync(config.keyFile, 'utf8'),
        handler: new ReviewHandler({ bus, maxInFlight: config.maxInFlight, gatewayId: config.gatewayId, log }),
        log,
        onAnswer: (status) => answers.inc({ code: String(status) }),
      });
      await server.listen({ host: config.host, port: config.port });
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      if (server) await pause(config.shutdownDelayMs);
      await server?.close();
      await bus?.close();
      await health?.stop();
    },
    describe: () => ({ port: (server?.server.address() as AddressInfo | null)?.port, healthPort: health?.port }),
  };
}

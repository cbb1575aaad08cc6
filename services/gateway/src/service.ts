import type { AddressInfo } from 'node:net';
import { type Bus, connectServiceBus } from '@jspolicy/bus';
import {
  createMetrics,
  type Health,
  type Logger,
  logConfig,
  pause,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import type { FastifyInstance } from 'fastify';
import { BodyBudget } from './body-budget.ts';
import { certificateFiles } from './certificate/certificate-files.ts';
import { certificateSecret } from './certificate/certificate-secret.ts';
import { Serving } from './certificate/serving-certificate.ts';
import { type GatewayConfig, readConfig, settings } from './config.ts';
import { listenAddress } from './listen-address.ts';
import { ReviewHandler } from './review-handler.ts';
import { createServer, swapCertificate } from './server.ts';

/** Start: health, bus, certificate, listener, ready. Stop: not ready, wait for endpoints, finish what is in flight, bus. */
export function createGateway({ env, log, fail }: ServiceContext): Service {
  const config = readConfig(env);
  logConfig(settings, config, log);
  const metrics = createMetrics();
  const answers = metrics.counter({
    name: 'jspolicy_gateway_answers_total',
    help: 'Answers by HTTP status',
    labels: ['code'],
  });
  const cut = metrics.counter({
    name: 'jspolicy_gateway_bodies_cut_total',
    help: 'Requests cut off in the middle of their bodies to make room for others',
  });
  const bodies = new BodyBudget(config.maxBodiesMiB * 1024 * 1024, () => cut.inc());
  let health: Health | undefined;
  let bus: Bus | undefined;
  let server: FastifyInstance | undefined;
  let ending = false;
  const serving = new Serving(certificateSource(config, log), log);
  metrics.gauge({
    name: 'jspolicy_gateway_certificate_remaining_seconds',
    help: 'Until the serving certificate is not valid any more',
    collect: () => serving.remainingSeconds,
  });
  return {
    async start() {
      health = await startHealth(config.healthPort, metrics, log);
      bus = await connectServiceBus({ service: 'gateway', config, health, log, fail });
      health.dependsOn(() => serving.problem);
      const certificate = await serving.first();
      const listener = createServer({
        ...certificate,
        handler: new ReviewHandler({ bus, maxInFlight: config.maxInFlight, gatewayId: config.gatewayId, log }),
        bodies,
        log,
        onAnswer: (status) => answers.inc({ code: String(status) }),
        isEnding: () => ending,
      });
      server = listener;
      serving.follow(certificate, (later) => swapCertificate(listener, later));
      await listener.listen({ host: await listenAddress(config.host), port: config.port });
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      ending = true;
      if (server) await pause(config.shutdownDelayMs);
      await server?.close();
      await serving.stop();
      await bus?.close();
      await health?.stop();
    },
    describe: () => ({ port: (server?.server.address() as AddressInfo | null)?.port, healthPort: health?.port }),
  };
}

function certificateSource({ certFile, keyFile, kubeconfig, namespace }: GatewayConfig, log: Logger) {
  return certFile
    ? certificateFiles(certFile, keyFile)
    : certificateSecret({ ...(kubeconfig && { kubeconfig }), namespace, log });
}

import { createBundler } from '@jspolicy/bundler';
import { type Bus, connectServiceBus, type Running } from '@jspolicy/bus';
import { COMPILE_SUBJECT, COMPILER_QUEUE } from '@jspolicy/contracts';
import {
  createMetrics,
  type Health,
  logConfig,
  type Service,
  type ServiceContext,
  startHealth,
} from '@jspolicy/runtime';
import { CompileHandler } from './compile-handler.ts';
import { readConfig, settings } from './config.ts';
import { observeCompiles } from './observe.ts';
import { Slots } from './slots.ts';

/** A registry is slower than a bundler. With BUNDLE_TIMEOUT as it is by default npm has a minute. */
const INSTALL_SHARE = 2;

/** Start: health, bus, subscription, ready. Stop: not ready, finish the builds in flight, bus, esbuild. */
export function createCompiler({ env, log, fail }: ServiceContext): Service {
  const config = readConfig(env);
  logConfig(settings, config, log);
  const metrics = createMetrics();
  const bundleTimeoutMs = config.bundleTimeoutSeconds * 1000;
  const bundler = createBundler({
    workDir: config.workDir,
    cacheDir: config.cacheDir,
    npm: { minReleaseAgeDays: config.minReleaseAgeDays },
    limits: { bundleTimeoutMs, installTimeoutMs: INSTALL_SHARE * bundleTimeoutMs },
  });
  const handler = new CompileHandler(bundler, new Slots(config.concurrency), observeCompiles(metrics, log));
  let health: Health | undefined;
  let bus: Bus | undefined;
  let serving: Running | undefined;
  return {
    async start() {
      health = await startHealth(config.healthPort, metrics, log);
      bus = await connectServiceBus({ service: 'compiler', config, health, log, fail });
      serving = bus.serve(COMPILE_SUBJECT, COMPILER_QUEUE, (request) => handler.handle(request));
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      await serving?.stop();
      await bus?.close();
      await bundler.close();
      await health?.stop();
    },
    describe: () => ({ healthPort: health?.port }),
  };
}

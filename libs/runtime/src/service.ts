import { pause } from './backoff.ts';
import { ConfigurationError, EXIT_CONFIGURATION, LOG_LEVELS, redact, type Setting, type Values } from './config.ts';
import { warnOfMeaningless, withFormerNames } from './former-variables.ts';
import { createLogger, type Logger } from './logger.ts';

/** A service's lifecycle. start() resolves when it is ready; both may be called once, stop() also before start() ended. */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Facts for the process that started this one, such as the port that was taken. */
  describe?(): Record<string, unknown>;
}

export interface ServiceContext {
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** The service cannot go on: it is stopped, as far as that is still possible, and the process ends with exit code 1. */
  fail(error: Error): void;
}

/** How long a service that cannot go on may take to stop: what it still holds is to be written down. */
const FAILED_STOP_MS = 5_000;

/** What each service logs first: what it was told, or took for granted. */
export function logConfig<S extends Record<string, Setting<unknown>>>(
  settings: S,
  config: Values<S>,
  log: Logger,
): void {
  log.info({ config: redact(settings, config) }, 'configuration');
}

/** What a parent process is told over the IPC channel when the service is ready. */
export interface ReadyMessage {
  ready: true;
  [fact: string]: unknown;
}

/**
 * Runs one service as this process: start, ready, then stop on SIGTERM or SIGINT and exit 0.
 * Wrong configuration ends with exit code 78 and all problems; anything else that is not handled with 1.
 */
export async function runService(name: string, create: (context: ServiceContext) => Service): Promise<void> {
  const env = withFormerNames(process.env);
  const log = createLogger({ service: name, level: logLevel(env['LOG_LEVEL']) });
  endOnUnhandled(log);
  warnOfMeaningless(env, log);
  try {
    let failed: (error: Error) => void = () => undefined;
    const service = create({ env, log, fail: (error) => failed(error) });
    failed = stopOnSignal(service, log);
    await service.start();
    log.info({ ...service.describe?.() }, 'ready');
    if (process.send) process.send({ ready: true, ...service.describe?.() } satisfies ReadyMessage);
  } catch (error) {
    process.exit(report(error, name, log));
  }
}

/** Gives the function by which the service itself says that it cannot go on. */
function stopOnSignal(service: Service, log: Logger): (error: Error) => void {
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'stopping');
    process.exit(await stopped(service, log));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // A parent that is killed cannot send a signal: its end of the channel closes instead.
  process.on('disconnect', () => stop('the parent process ended'));
  return async (error) => {
    if (stopping) return;
    stopping = true;
    log.fatal({ err: error }, 'the service cannot go on');
    await Promise.race([stopped(service, log), pause(FAILED_STOP_MS)]);
    process.exit(1);
  };
}

/** One line of the log like any other, where the runtime's own words would be no JSON. */
function endOnUnhandled(log: Logger): void {
  const end = (err: unknown) => {
    log.fatal({ err }, 'an error that nothing handles');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

async function stopped(service: Service, log: Logger): Promise<number> {
  try {
    await service.stop();
    log.info('stopped');
    return 0;
  } catch (error) {
    log.error({ err: error }, 'stopping failed');
    return 1;
  }
}

function report(error: unknown, name: string, log: Logger): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`jspolicy ${name}: wrong configuration\n${error.problems.map((p) => `  ${p}\n`).join('')}`);
    return EXIT_CONFIGURATION;
  }
  log.fatal({ err: error }, 'start failed');
  return 1;
}

/** A wrong level is told by the service's own configuration check, which needs a logger before it runs. */
function logLevel(raw: string | undefined): string {
  return LOG_LEVELS.find((level) => level === raw) ?? 'info';
}

import { type Logger, pino } from 'pino';

export type { Logger };

/** A pino logger: messages are constant, data stands in keys; one JSON line each, on standard output. */
export function createLogger(options: { service: string; level?: string }): Logger {
  return pino(
    {
      name: options.service,
      level: options.level ?? 'info',
      base: { service: options.service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous: a reader that is gone must not keep this process from ending, and no line is lost at the end.
    pino.destination({ dest: 1, sync: true }),
  );
}

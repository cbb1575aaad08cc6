import type { Logger, Metrics } from '@jspolicy/runtime';
import type { CompileObserver } from './compile-handler.ts';

/** Logs and counts each build. */
export function observeCompiles(metrics: Metrics, log: Logger): CompileObserver {
  const seconds = metrics.histogram({
    name: 'jspolicy_compile_duration_seconds',
    help: 'Time of one build',
    labels: ['outcome'],
  });
  return {
    onCompiled({ policy, kind }, reply, took) {
      seconds.observe({ outcome: reply.ok ? 'compiled' : reply.fault }, took);
      if (!reply.ok)
        log.warn({ policy, kind, fault: reply.fault, message: reply.message, seconds: took }, 'not compiled');
      else {
        const { digest, isolation, isolationReason, hostCalls } = reply.bundle;
        log.info({ policy, kind, digest, isolation, isolationReason, hostCalls, seconds: took }, 'compiled');
      }
    },
  };
}

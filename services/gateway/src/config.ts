import { hostname } from 'node:os';
import { busProblems, busSettings } from '@jspolicy/bus';
import { commonSettings, file, integer, loadConfig, text } from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  gatewayId: text({
    env: 'GATEWAY_ID',
    default: `${hostname()}-${process.pid}`,
    describe: 'name of this gateway in violations',
  }),
  host: text({ env: 'HOST', default: '0.0.0.0', describe: 'address that the webhook listens on' }),
  port: integer({ env: 'PORT', min: 0, max: 65535, default: 8443, describe: 'port of the webhook; 0: a free one' }),
  certFile: file({ env: 'TLS_CERT_FILE', describe: 'serving certificate, PEM' }),
  keyFile: file({ env: 'TLS_KEY_FILE', describe: 'private key of the serving certificate, PEM' }),
  maxInFlight: integer({
    env: 'MAX_IN_FLIGHT',
    min: 1,
    max: 100_000,
    default: 1024,
    describe: 'reviews at once; more are refused with 503',
  }),
  shutdownDelayMs: integer({
    env: 'SHUTDOWN_DELAY_MS',
    min: 0,
    max: 60_000,
    default: 0,
    describe: 'how long requests are still accepted after SIGTERM, until endpoints have changed',
  }),
};

export const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(settings, env, busProblems);

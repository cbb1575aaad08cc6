import type { Logger } from './logger.ts';

/** Variables of jsPolicy that have no meaning here, and what to know of each. */
const MEANINGLESS_VARIABLES: Readonly<Record<string, string>> = {
  WEBPACK_CONFIG: 'policies are bundled by esbuild; a bundle that is built elsewhere goes into a JsPolicyBundle',
};

/** The environment as services read it: DEBUG=true, as jsPolicy has it, is the log level debug unless one is set. */
export const withFormerNames = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  env['DEBUG'] === 'true' && !env['LOG_LEVEL'] ? { ...env, LOG_LEVEL: 'debug' } : env;

/** A warning for each variable that is set in vain. */
export function warnOfMeaningless(env: NodeJS.ProcessEnv, log: Pick<Logger, 'warn'>): void {
  for (const [variable, instead] of Object.entries(MEANINGLESS_VARIABLES)) {
    if (env[variable]) log.warn({ variable, instead }, 'this variable of jsPolicy has no meaning here');
  }
}

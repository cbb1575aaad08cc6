import { notGranted } from './not-granted.ts';

/** A variable of the evaluator. Granted by the beginning of its name; a granted one that is not set gives ''. */
export function readEnv(args: unknown[], env: NodeJS.ProcessEnv, prefixes: readonly string[]): string | undefined {
  const [name] = args;
  if (args.length !== 1 || typeof name !== 'string') return undefined;
  if (!prefixes.some((prefix) => name.startsWith(prefix))) {
    throw notGranted(`env(${JSON.stringify(name)})`, 'ENV_PREFIXES');
  }
  return Object.hasOwn(env, name) ? (env[name] ?? '') : '';
}

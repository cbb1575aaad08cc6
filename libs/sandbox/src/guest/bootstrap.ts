import { admissionRequestReader } from './admission-request.ts';
import { evaluationState, type Globals } from './evaluation.ts';
import type { GUEST, HostPort } from './guest-types.ts';
import { hardener } from './harden.ts';
import { captureIntrinsics } from './intrinsics.ts';
import { overrideAccessors } from './override-accessors.ts';
import { policyFunctions } from './policy-functions.ts';
import { globalSweeper } from './sweep.ts';

/** Functions in the order of the parameters of `bootstrap`. */
const PARTS = [
  captureIntrinsics,
  admissionRequestReader,
  evaluationState,
  policyFunctions,
  overrideAccessors,
  hardener,
  globalSweeper,
] as const;

/** The name that stack frames of the bootstrap bear; they are cut from what users see. */
export const BOOTSTRAP_NAME = '<jspolicy>';

/** Text of a function of the HostPort's functions that prepares a context and gives its dispatcher. */
export const bootstrapText = (operations: typeof GUEST): string =>
  `'use strict';((...host) => (${bootstrap.toString()})(host, ${JSON.stringify(operations)}, ${PARTS.join(',\n')}))`;

type Host = [HostPort['call'], HostPort['convert'], HostPort['print'], HostPort['end'], HostPort['needsFresh']];

function bootstrap(
  [call, convert, print, end, needsFresh]: Host,
  operations: typeof GUEST,
  intrinsicsOf: typeof captureIntrinsics,
  readerOf: typeof admissionRequestReader,
  stateOf: typeof evaluationState,
  functionsOf: typeof policyFunctions,
  overridesOf: typeof overrideAccessors,
  hardenerOf: typeof hardener,
  sweeperOf: typeof globalSweeper,
) {
  const intrinsics = intrinsicsOf();
  const { apply, freeze, defineProperty, deleteProperty, ownKeys } = intrinsics;
  const globals = globalThis as unknown as Globals & Record<string, unknown>;

  // Memory behind these is not counted by the isolate's limit, or they can measure time finely.
  for (const name of ['SharedArrayBuffer', 'Atomics', 'WebAssembly']) deleteProperty(globalThis, name);
  const console: Record<string, () => void> = {};
  for (const name of ownKeys(globals['console'] ?? {})) if (typeof name === 'string') console[name] = () => {};
  defineProperty(globalThis, 'console', { value: freeze(console), writable: true, configurable: true });

  const host = freeze({ call, convert, print, end, needsFresh });
  const reader = readerOf(intrinsics.parse, intrinsics.isArray);
  const state = stateOf(intrinsics, host, reader, globals);
  const functions = functionsOf(intrinsics, host, state);
  // Not configurable: a script that declares `const deny` is a SyntaxError, as it always was; `function deny` is none.
  // Those that jsPolicy has as properties and not as variables may be declared: `const env = ...` is all one's own.
  const declarable = ['print', 'sleep', 'atob', 'btoa', 'env', 'readFileSync'];
  for (const name of ownKeys(functions)) {
    const value = functions[name as keyof typeof functions];
    let configurable = false;
    for (const each of declarable) if (each === name) configurable = true;
    defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable });
  }
  globals['__throw'] = (error: unknown): void => state.uncaught(error);
  globals.request = globals.__policy = globals.exports = globals.__response = undefined;
  const baseNames = ownKeys(globalThis);

  const endWhenFreshIsNeeded = (): void => {
    if (needsFresh()) state.stop();
  };
  const harden = hardenerOf(intrinsics, overridesOf(intrinsics, endWhenFreshIsNeeded), endWhenFreshIsNeeded);
  const sweeper = sweeperOf(intrinsics);
  let factory: (() => () => unknown) | undefined;
  let sweep = (): boolean => false;
  let resetPackages = (): void => undefined;

  const begin = (policy: unknown, pieces: unknown[]): boolean => {
    let review = '';
    for (let index = 0; index < pieces.length; index++) review += pieces[index] as string;
    return state.begin(review, policy as string);
  };

  return (operation: number, first?: unknown, ...pieces: unknown[]): unknown => {
    switch (operation) {
      case operations.evaluateKept:
        if (begin(first, pieces)) state.evaluate(apply(factory as () => () => unknown, undefined, []));
        return;
      case operations.finish:
        return state.finish();
      case operations.sweep:
        resetPackages();
        return sweep();
      case operations.begin:
        return begin(first, pieces);
      case operations.evaluate:
        return state.evaluate(first as () => unknown);
      case operations.harden:
        resetPackages = harden(baseNames);
        return;
      case operations.keep:
        factory = first as () => () => unknown;
        sweep = sweeper();
        return;
    }
  };
}

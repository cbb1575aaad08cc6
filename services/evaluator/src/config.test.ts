import { ConfigurationError } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('everything has a default', () => {
  expect(readConfig({})).toMatchObject({
    sandboxProcesses: 2,
    sandboxMemoryMiB: 128,
    maxInFlight: 256,
    kubeconfig: '',
    globalContext: '',
    profiling: false,
  });
});

test('all problems are told at once', () => {
  const read = () => readConfig({ VM_POOL_SIZE: '0', MAX_IN_FLIGHT: 'many' });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(/VM_POOL_SIZE.*MAX_IN_FLIGHT/);
});

test('a directory of manifests needs one for what is written', () => {
  expect(() => readConfig({ MANIFESTS_DIR: '/m' })).toThrow(/STATE_DIR is required/);
});

test('a global context is a script', () => {
  expect(readConfig({ GLOBAL_CONTEXT: 'const a = 1;\nfunction f() {}' }).globalContext).toContain('function f');
  expect(() => readConfig({ GLOBAL_CONTEXT: 'var a;\nconst = 1' })).toThrow(
    /GLOBAL_CONTEXT is no script: Unexpected token '=' in line 2/,
  );
  expect(() => readConfig({ GLOBAL_CONTEXT: 'import "x"' })).toThrow(/GLOBAL_CONTEXT is no script/);
  // Nothing of it is run here.
  expect(readConfig({ GLOBAL_CONTEXT: 'throw new Error("run")' })).toBeDefined();
});

import { ConfigurationError } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('everything has a default', () => {
  expect(readConfig({})).toMatchObject({
    sandboxProcesses: 2,
    sandboxMemoryMiB: 128,
    maxInFlight: 256,
    kubeconfig: '',
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

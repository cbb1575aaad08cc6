import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { IMAGES } from './images.ts';
import { workspacesOf } from './workspaces.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

test('an image has the libraries that its services use when they run, and those of tests are in none', async () => {
  const gateway = await workspacesOf(['gateway'], CHECKOUT);
  expect(gateway).toContain('services/gateway');
  expect(gateway).toContain('libs/bus');
  expect(gateway).not.toContain('libs/sandbox');
  for (const { services } of IMAGES) expect(await workspacesOf(services, CHECKOUT)).not.toContain('libs/testing');
});

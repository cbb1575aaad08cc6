import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { IMAGES } from './images.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const COMPOSE = join(ROOT, 'docker/compose.yaml');

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  configs?: { source: string }[];
  depends_on?: Record<string, { condition: string }>;
  read_only?: boolean;
  user?: string;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, object>;
  configs: Record<string, { content: string }>;
}

/** With `<<` resolved, as Compose does. */
const compose = parse(await readFile(COMPOSE, 'utf8'), { merge: true }) as Compose;
const ENGINE = ['gateway', 'evaluator', 'compiler', 'controller', 'audit'];
const service = (name: string): Service => {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
};

test('services are those of the engine, NATS, and what makes the certificate', () => {
  expect(Object.keys(compose.services).sort()).toEqual([...ENGINE, 'nats', 'prepare'].sort());
});

test.each(ENGINE)('%s reads each variable that it is given, and takes its value', async (name) => {
  const { settings, readConfig } = await import(join(ROOT, 'services', name, 'src/config.ts'));
  const known = Object.values(settings as Record<string, { env: string }>).map(({ env }) => env);
  const { environment = {} } = service(name);
  // HOME is for npm and libraries: nothing else may be written.
  expect(Object.keys(environment).filter((variable) => variable !== 'HOME' && !known.includes(variable))).toEqual([]);
  // Files are in volumes, which are not here.
  const values = Object.entries(environment).map(([key, value]) => [key, value.startsWith('/tls/') ? COMPOSE : value]);
  expect(() => readConfig(Object.fromEntries(values))).not.toThrow();
});

test.each(ENGINE)('%s has an image of ours, and starts what is in it', async (name) => {
  const { image, command } = service(name);
  const found = IMAGES.find((each) => image === `${each.name}:\${TAG:-dev}`);
  expect(found?.services).toContain(name);
  const args = command ?? found?.args ?? [];
  expect(args.at(-1)).toBe(`services/${name}/dist/main.js`);
  await access(join(ROOT, 'services', name, 'src/main.ts'));
});

test('volumes, configurations and services that are named are there', () => {
  for (const [name, { volumes = [], configs = [], depends_on: needs = {} }] of Object.entries(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      expect(source.startsWith('./') || source in compose.volumes, `${volume} of ${name}`).toBe(true);
    }
    for (const { source } of configs) expect(compose.configs).toHaveProperty(source);
    for (const [other, { condition }] of Object.entries(needs)) {
      expect(compose.services).toHaveProperty(other);
      expect(['service_started', 'service_completed_successfully']).toContain(condition);
    }
  }
});

test('services of the engine write into volumes and /tmp alone', () => {
  for (const name of ENGINE) expect(service(name).read_only).toBe(true);
});

test('Compose can write each configuration, and whoever is not root can write its volumes', () => {
  const preparing = service('prepare').command?.join(' ');
  for (const [name, { configs = [], read_only: isReadOnly, user, volumes = [] }] of Object.entries(compose.services)) {
    if (configs.length > 0) expect(isReadOnly, name).toBeFalsy();
    if (user === '0:0') continue;
    const written = volumes.filter((volume) => !volume.endsWith(':ro')).map((volume) => volume.split(':')[1]);
    for (const dir of written) expect(preparing, name).toContain(`'${dir}'`);
  }
  expect(service('nats').user).toBe('65532:65532');
});

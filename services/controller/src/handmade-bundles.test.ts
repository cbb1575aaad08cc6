import { gzipSync } from 'node:zlib';
import { type Bundle, bundleDigest } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundlePath, type ControllerStack, KINDS, startStack, untilLeading } from './controller-stack.test-part.ts';

let stack: ControllerStack;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
  await untilLeading(stack, await stack.startController());
});
afterAll(() => stack?.stop());

const packed = (script: string | Buffer) => gzipSync(script).toString('base64');
const undecodable = (name: string) => `error decompressing javascript bundle for js policy ${name}`;
const put = (name: string, bundle: string, annotations: Record<string, string> = {}) =>
  stack.call('POST', `${KINDS}/jspolicybundles`, {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicyBundle',
    metadata: { name, annotations },
    spec: { bundle },
  });

/** What a bundle holds that is refused, and what the status then starts with. */
const HOSTILE: [what: string, bundle: () => string, message: (name: string) => string][] = [
  ['no gzip', () => 'bm8gZ3ppcA==', undecodable],
  ['half a gzip', () => packed('deny("whole")'.repeat(100)).slice(0, 40), undecodable],
  // 64 MiB of blanks are 64 KiB in the object.
  ['a bomb', () => packed(Buffer.alloc(64 * 1024 * 1024, 32)), undecodable],
  ['a syntax error', () => packed('deny("x"'), () => 'error reading javascript bundle: bundle:1:'],
  ['a module', () => packed('import x from "y"'), () => 'error reading javascript bundle: bundle:1:1'],
];

describe('a bundle made by hand that is', () => {
  test.each(HOSTILE)('%s is refused in the status, and the last good one stays', async (what, bundle, message) => {
    const name = `hostile-${HOSTILE.findIndex(([each]) => each === what)}.controller.example`;
    await put(name, packed('deny("good")'));
    await stack.create(name, {});
    await stack.status(name, 'Synced');
    const before = await stack.bus.policies.get(name);
    const webhooks = await stack.webhooksOf(name);
    expect((await stack.call('PATCH', bundlePath(name), { spec: { bundle: bundle() } })).status).toBe(200);
    const { status } = await stack.status(name, 'Failed');
    expect(status).toMatchObject({ reason: 'CompileFailed', message: expect.stringContaining(message(name)) });
    expect(await stack.bus.policies.get(name)).toEqual(before);
    expect((await stack.bus.bundles.get(before?.bundle?.digest ?? ''))?.script).toBe('deny("good")');
    expect(await stack.webhooksOf(name)).toEqual(webhooks);
    await stack.call('PATCH', bundlePath(name), { spec: { bundle: packed('deny("mended")') } });
    await stack.status(name, 'Synced');
    await waitFor(async () => (await stack.bus.policies.get(name))?.bundle?.digest !== before?.bundle?.digest, {
      what: 'the mended one',
    });
  });

  /** What somebody may have written beside a bundle, as if the engine had compiled it. */
  test.each([
    ['nothing but the digest', {}],
    ['another form', { form: 'module' }],
    ['no names of what it calls', { hostCalls: 'get' }],
    ['a prelude longer than the script', { preludeLength: 1_000 }],
    ['a prelude in the wrong direction', { preludeLength: -1 }],
    ['an isolation that is none', { isolation: 'shared' }],
  ])('described with %s is looked into as if it had no description', async (what, wrong) => {
    const name = `described-${what.replaceAll(' ', '-')}.controller.example`;
    const script = `deny(${JSON.stringify(what)})`;
    const whole = { isolation: 'kept', isolationReason: '', preludeLength: 0, form: 'script', hostCalls: [], ...wrong };
    const digest = bundleDigest({ ...whole, script } as Omit<Bundle, 'digest'>);
    const info = what === 'nothing but the digest' ? { digest } : { digest, ...whole };
    await put(name, packed(script), { 'policy.jspolicy.com/bundle-info': JSON.stringify(info) });
    await stack.create(name, {});
    await stack.status(name, 'Synced');
    const bundle = (await stack.bus.policies.get(name))?.bundle;
    expect(bundle).toMatchObject({ isolation: 'request', form: 'script', preludeLength: 0, hostCalls: [] });
  });

  test('no base64 is refused by the API server itself, also while no engine runs', async () => {
    const refused = await put('no-base64.controller.example', '***');
    expect([refused.status, refused.body.reason]).toEqual([422, 'Invalid']);
  });
});

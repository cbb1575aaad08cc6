import { admissionReview, pod } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { createSandboxPool, type EvaluationResult } from './index.ts';
import { bundleOf, messageOf, POLICY } from './pool-for-test.test-part.ts';

// What a policy writes comes back to it as a request of its own, while it still waits for the write.
test.each([1, 2])('a slow policy judges what it writes itself, with %i processes', async (processes) => {
  const code =
    'const {name} = request.object.metadata; if (name === "outer") { sleep(150); deny(create({})) } deny(name)';
  const bundle = bundleOf(code, { hostCalls: ['create', 'sleep'] });
  const sandbox = createSandboxPool({ processes });
  await sandbox.load(bundle);
  const judge = (name: string): Promise<EvaluationResult> =>
    sandbox.evaluate({
      policy: POLICY,
      type: 'Validating',
      digest: bundle.digest,
      review: Buffer.from(JSON.stringify(admissionReview({ object: pod({ name }) }))),
      limitMs: 120_000,
      host: {
        call: async ({ name: call }) => (call === 'create' ? `wrote ${messageOf(await judge('inner'))}` : slow()),
        print: () => undefined,
      },
    });
  const slow = () => new Promise((resolve) => setTimeout(resolve, 150));
  for (let i = 0; i < 2; i++) expect(messageOf(await judge('outer'))).toBe('wrote inner');
  await sandbox.stop();
});

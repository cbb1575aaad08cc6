import { waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ControllerStack, policyPath, startStack, untilLeading } from './controller-stack.test-part.ts';
import { ToldEvaluator } from './told-evaluator.test-part.ts';

const NAME = 'waits.inforce.example';

let stack: ControllerStack;
let controller: Awaited<ReturnType<ControllerStack['startController']>>;
let evaluators: ToldEvaluator[] = [];
let version = 0;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
  controller = await stack.startController();
  await untilLeading(stack, controller);
  await stack.create(NAME, { javascript: 'deny("0")' });
  await stack.status(NAME, 'Synced');
});
afterAll(() => stack?.stop());
afterEach(async () => {
  for (const each of evaluators) await each.leave();
  evaluators = [];
});

const evaluator = (...told: ConstructorParameters<typeof ToldEvaluator> extends [unknown, ...infer R] ? R : never) => {
  const made = new ToldEvaluator(stack.bus, ...told);
  evaluators.push(made);
  return made;
};
/** A generation that was not there before. */
const change = async (): Promise<number> => {
  const { body } = await stack.call('PATCH', policyPath(NAME), { spec: { javascript: `deny("${++version}")` } });
  return body.metadata.generation;
};
const observed = async () => (await stack.get(policyPath(NAME))).status.observedGeneration;
const asked = (each: ToldEvaluator, generation: number) =>
  waitFor(() => each.questions.filter((question) => question.generation === generation)[2], {
    what: `generation ${generation} to be asked for again and again`,
  });
const saidSilent = (name: string) =>
  controller.child.lines.some((line) => line.includes('is silent') && line.includes(`"${name}"`));

test('the status is not written before each evaluator has the record in force, and once then', async () => {
  const slow = evaluator('slow', () => false);
  const quick = evaluator('quick');
  const before = await controller.writes('JsPolicy');
  const generation = await change();
  const question = await asked(slow, generation);
  const { bundle, uid } = (await stack.bus.policies.get(NAME)) ?? {};
  expect(question).toMatchObject({ uid, digest: bundle?.digest });
  expect(quick.questions.length).toBeGreaterThan(0);
  expect(await observed()).toBe(generation - 1);
  slow.answer(() => true);
  await stack.status(NAME, 'Synced');
  expect((await controller.writes('JsPolicy')) - before).toBe(1);
});

test('a policy that changes again does not wait for the record before', async () => {
  const strict = evaluator('strict', () => false);
  const generation = await change();
  await asked(strict, generation);
  strict.answer((question) => question.generation > generation);
  await change();
  const { status } = await stack.status(NAME, 'Synced');
  expect(status.observedGeneration).toBe(generation + 1);
});

test('one that leaves keeps nobody', async () => {
  const leaves = evaluator('leaves', () => false);
  const generation = await change();
  await asked(leaves, generation);
  await leaves.leave();
  await stack.status(NAME, 'Synced');
  expect(saidSilent('leaves')).toBe(false);
});

test('one that is killed is waited for until it was silent for long', async () => {
  const killed = evaluator('killed', () => false);
  const generation = await change();
  await asked(killed, generation);
  await killed.fallSilent();
  await stack.status(NAME, 'Synced');
  expect(saidSilent('killed')).toBe(true);
});

test('the next leader waits for it too', async () => {
  const slow = evaluator('slow', () => false);
  const generation = await change();
  await asked(slow, generation);
  await controller.child.stop();
  controller = await stack.startController();
  await untilLeading(stack, controller);
  slow.questions.length = 0;
  await asked(slow, generation);
  expect(await observed()).toBe(generation - 1);
  slow.answer(() => true);
  await stack.status(NAME, 'Synced');
});

test('one that cannot have it in force is told by its name, and the policy is Synced when it can', async () => {
  const broken = evaluator('broken-one', () => false);
  const before = await controller.writes('JsPolicy');
  await change();
  const { status } = await stack.status(NAME, 'Failed');
  const evaluable = status.conditions.find(({ type }: { type: string }) => type === 'Evaluable');
  expect(evaluable).toMatchObject({ status: 'False', reason: 'NotInForce' });
  expect(status).toMatchObject({
    reason: 'NotInForce',
    message: expect.stringMatching(/^evaluators that do not have it in force yet: broken-one\. /),
  });
  broken.answer(() => true);
  await stack.status(NAME, 'Synced');
  expect((await controller.writes('JsPolicy')) - before).toBe(2);
});

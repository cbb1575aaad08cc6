import { admissionReview, pod } from '@jspolicy/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { TestPool } from './pool-for-test.test-part.ts';

const pool = new TestPool();
afterAll(() => pool.sandbox.stop());

const KIB = 1024;
const MIB = 1024 * KIB;
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
/** The default review, with the text of a value in the place of a mark: what is so deep cannot be written as JSON. */
const bodyWith = (fields: object, value: string): string => {
  const { request, ...rest } = admissionReview({ object: pod() });
  return JSON.stringify({ ...rest, request: { ...request, ...fields } }).replace('"MARK"', value);
};

describe('an answer that is too large', () => {
  test.each(['x', 'ü', '<', '\u0001'])('a denial stays one: a message of many %j is cut', async (text) => {
    const result = await pool.run(`deny(${JSON.stringify(text)}.repeat(9 * ${MIB}), "r".repeat(9 * ${MIB}))`);
    expect(result).toMatchObject({
      verdict: { deny: true, message: `${text.repeat(64 * KIB)}...`, reason: `${'r'.repeat(KIB)}...` },
    });
  });

  test('a character is not cut in two', async () => {
    const message = await pool.message(`deny("x" + "😀".repeat(${MIB}))`);
    expect(message.endsWith('😀...')).toBe(true);
    expect(message.isWellFormed()).toBe(true);
  });

  test('warnings are cut by their size, and by their number', async () => {
    expect(await pool.run(`warn("a"); warn("w".repeat(9 * ${MIB})); warn("b"); warn("c")`)).toMatchObject({
      verdict: { warnings: ['a', `${'w'.repeat(64 * KIB - 1)}...`, '(2 more warnings were cut)'] },
    });
    const same = `const w = "w".repeat(${MIB}); for (let i = 0; i < 1_000; i++) warn(w); deny("no")`;
    expect(await pool.message(same)).toBe('no');
    const many = await pool.run('for (let i = 0; i < 100_000; i++) warn(""); deny("no")');
    expect(many).toMatchObject({ verdict: { deny: true, message: 'no' } });
    expect(many.kind === 'verdict' && many.verdict.warnings).toHaveLength(501);
  });

  test('the text of an exception is cut', async () => {
    expect(await pool.message(`throw new Error("x".repeat(9 * ${MIB}))`)).toHaveLength(64 * KIB + '...'.length);
  });

  test.each([
    ['x', 5 * MIB],
    ['<', MIB],
  ])('a patch of many %j is a failure that says so', async (text, count) => {
    const code = `mutate({ text: ${JSON.stringify(text)}.repeat(${count}) })`;
    expect(await pool.message(code, { type: 'Mutating' })).toMatch(
      /^mutate\(object\): the patch has \d+ bytes, more than the 4194304 that an answer can hold$/,
    );
  });
});

describe.each(['kept', 'request'] as const)('what is very deep, isolation %s', (isolation) => {
  const review = (depth: number) => bodyWith({ object: { ...pod(), deep: 'MARK' } }, nested(depth));

  test('is the policy’s to read', async () => {
    const code = 'let depth = 0; for (let at = request.object.deep; at.a; at = at.a) depth++; deny(String(depth))';
    expect(await pool.message(code, { isolation, review: review(5_000) })).toBe('5000');
  });

  test.each([2_000, 5_000, 50_000])('%d: fails in a patch, with words', async (depth) => {
    const options = { isolation, type: 'Mutating', review: review(depth) } as const;
    for (const code of [
      'mutate({ x: request.object })',
      'mutate({ ...request.object, deep: { b: request.object.deep } })',
    ])
      expect(await pool.message(code, options)).toMatch(/nested|Uncaught RangeError: Maximum call stack size exceeded/);
    expect(await pool.message('deny("next")', { isolation })).toBe('next');
  });

  test('fails as an argument, and the policy can catch it', async () => {
    const calls = pool.calls.length;
    const code = 'try { remove(request.object.deep) } catch (error) { deny(String(error)) }';
    const options = { isolation, hostCalls: ['remove'], review: review(3_000) };
    expect(await pool.message(code, options)).toBe(
      'WrongArguments: remove(): an argument is nested more than 1000 deep',
    );
    expect(pool.calls.length).toBe(calls);
  });

  test.each([
    ['extra', { extra: 'MARK' }, 'request.userInfo.extra["a"] must be a list'],
    ['an extra field', { extra: { a: ['MARK'] } }, 'request.userInfo.extra["a"] must be a list of strings'],
    ['a group', { groups: ['MARK'] }, 'request.userInfo.groups must be a list of strings'],
  ])('%s is no user', async (_what, userInfo, message) => {
    const result = await pool.run('deny("judged")', { isolation, review: bodyWith({ userInfo }, nested(9_000)) });
    expect(result).toEqual({ kind: 'malformed', message: `the body must be an AdmissionReview: ${message}` });
  });
});

test('arguments that are too large are refused', async () => {
  const code = `try { remove("x".repeat(5 * ${MIB})) } catch (error) { deny(String(error)) }`;
  expect(await pool.message(code, { hostCalls: ['remove'] })).toBe(
    'WrongArguments: remove() takes 4194304 characters of JSON at most, not 5242884',
  );
});

test('users as the API server tells them', async () => {
  const userInfo = { username: 'dana', groups: ['a', null], extra: { scopes: ['x'], none: null } };
  const code = 'deny(JSON.stringify(request.userInfo))';
  expect(await pool.message(code, { review: bodyWith({ userInfo }, '') })).toBe(
    '{"username":"dana","groups":["a",""],"extra":{"scopes":["x"],"none":null}}',
  );
});

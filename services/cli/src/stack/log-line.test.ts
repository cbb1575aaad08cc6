import { expect, test } from 'vitest';
import { shortLine } from './log-line.ts';

const line = (entry: object) => JSON.stringify({ service: 'gateway', pid: 1, time: 't', ...entry });

test.each([
  ['info is for the file', line({ level: 'info', msg: 'ready' }), undefined],
  [
    'a warning',
    line({ level: 'warn', msg: 'policy failed', policy: 'p.a.b' }),
    'gateway: warn: policy failed policy=p.a.b',
  ],
  ['an error with its cause', line({ level: 'error', msg: 'm', err: { message: 'why' } }), 'gateway: error: m (why)'],
  ['what a policy prints', line({ level: 'info', msg: '[p.a.b] hello', policy: 'p.a.b' }), '[p.a.b] hello'],
  ['what the policy’s author did', line({ level: 'warn', msg: 'not compiled', fault: 'author' }), undefined],
  ['where a manifest is wrong', line({ level: 'warn', msg: 'm', file: 'f', line: 1, column: 1 }), undefined],
  ['a long text', line({ level: 'warn', msg: 'm', text: 'one\ntwo' }), 'gateway: warn: m text=one'],
  [
    'a cause that the text of its error has too',
    line({
      level: 'fatal',
      msg: 'm',
      err: { message: 'https://127.0.0.1:1: connect REFUSED 127.0.0.1:1: connect REFUSED 127.0.0.1:1' },
    }),
    'gateway: fatal: m (https://127.0.0.1:1: connect REFUSED 127.0.0.1:1)',
  ],
  [
    'a list of texts',
    line({ level: 'warn', msg: 'm', problems: ['a is b', 'c'] }),
    'gateway: warn: m problems=a is b; c',
  ],
  ['a crash', '    at main.js:1:1', 'gateway:     at main.js:1:1'],
  ['an empty line', '', undefined],
  ['half of a line', '{"level":"warn', 'gateway: {"level":"warn'],
])('%s', (_what, text, shown) => {
  expect(shortLine('gateway', text, false)).toBe(shown);
});

test('verbose shows all of it', () => {
  expect(shortLine('gateway', line({ level: 'debug', msg: 'm', port: 1 }), true)).toBe('gateway: debug: m port=1');
});

import { expect, test } from 'vitest';
import { errorTextOf } from './index.ts';

/** As a key of a client stands in a Secret; this one opens nothing. */
const pem = (line: string) =>
  ['BEGIN', line, 'END'].map((part) => (part === line ? line : `-----${part} KEY-----`)).join('\n');

const settings = {
  url: 'https://example.com',
  username: 'alice',
  passwordSecret: 'p@ss word/1\n',
  secretHeaders: { 'X-Api-Key': 'key-of-the-api' },
  clientKeySecret: pem('a-line-of-the-key'),
};
const textOf = errorTextOf('webhook', settings);
const base64 = (text: string) => Buffer.from(text).toString('base64');

test.each([
  ['p@ss word/1', 'wrong password: p@ss word/1!', 'wrong password: ***!'],
  ['in a URL', 'GET /?a=p%40ss%20word%2F1', 'GET /?a=***'],
  ['in a URL with small letters', 'GET /?a=p%40ss%20word%2f1', 'GET /?a=***'],
  ['in a form', 'a=p%40ss+word%2F1', 'a=***'],
  ['in base64', `got ${base64('p@ss word/1')}`, 'got ***'],
  ['as credentials', `Authorization: Basic ${base64('alice:p@ss word/1')}`, 'Authorization: Basic ***'],
  ['a header', '{"x-api-key":"key-of-the-api"}', '{"x-api-key":"***"}'],
  ['a line of a key', 'cannot read a-line-of-the-key', 'cannot read ***'],
  ['a key in JSON', JSON.stringify({ key: settings.clientKeySecret.trim() }), '{"key":"***"}'],
])('a secret that a server repeats is not told: %s', (_what, text, wanted) => {
  expect(textOf(text)).toBe(wanted);
});

test('the path of an address that is a secret is not told', () => {
  const slack = errorTextOf('slack', { urlSecret: 'https://hooks.example.com/services/T0/B0/x\n' });
  expect(slack('Cannot POST /services/T0/B0/x on hooks.example.com')).toBe('Cannot POST *** on hooks.example.com');
});

test('a text is one line of 512 bytes, cut between characters', () => {
  expect(textOf('a\r\nb\u0000\u001b[31mc\u2028d')).toBe('a b [31mc d');
  const long = textOf('ä'.repeat(1_000));
  expect([Buffer.byteLength(long), long]).toEqual([512, 'ä'.repeat(256)]);
});

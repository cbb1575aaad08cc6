import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { ROOT } from './places.ts';

const document = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
const rows = document.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));

test('docs/errors.md has every error code, with its status and fault', () => {
  const documented = rows.flatMap(([, code = '', status, fault, when, todo]) =>
    /^`[A-Z_]+`$/.test(code) && when && todo ? [[code.slice(1, -1), { status: Number(status), fault }]] : [],
  );
  expect(Object.fromEntries(documented)).toEqual(ERRORS);
});

test('docs/errors.md has every exit code', () => {
  const documented = rows.map(([, code]) => code).filter((code) => code && /^\d+$/.test(code));
  expect(documented).toEqual(Object.values(EXIT).map(String));
});

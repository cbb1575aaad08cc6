import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ERRORS } from './errors.ts';

const DOC = readFileSync(resolve(import.meta.dirname, '../../../docs/errors.md'), 'utf8');

test('docs/errors.md has each code with its HTTP status and whose fault it is, and no other', () => {
  const rows = DOC.matchAll(/^\| `([A-Z_]+)` +\| (\d{3}) +\| (\w+) +\|/gm);
  const told = Object.fromEntries(
    [...rows].map(([, code, status, fault]) => [code, { status: Number(status), fault }]),
  );
  expect(told).toEqual(ERRORS);
});

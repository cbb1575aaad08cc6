import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { generatedFiles } from './generated-files.ts';

test('generated files of the chart are those that npm run chart writes', async () => {
  for (const [path, text] of await generatedFiles()) expect(await readFile(path, 'utf8'), path).toBe(text);
});

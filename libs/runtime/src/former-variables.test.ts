import { expect, test } from 'vitest';
import { warnOfMeaningless, withFormerNames } from './former-variables.ts';

test('DEBUG=true is the level debug, unless a level is set', () => {
  expect(withFormerNames({ DEBUG: 'true' })['LOG_LEVEL']).toBe('debug');
  expect(withFormerNames({ DEBUG: 'true', LOG_LEVEL: 'error' })['LOG_LEVEL']).toBe('error');
  expect(withFormerNames({ DEBUG: 'nats:*' })['LOG_LEVEL']).toBeUndefined();
});

test('what is set in vain is warned of, without its value', () => {
  const lines: object[] = [];
  const log = { warn: (line: object) => void lines.push(line) };
  warnOfMeaningless({ WEBPACK_CONFIG: 'canary', GLOBAL_CONTEXT: '/x', PROFILING: 'true', DEBUG: 'true' }, log);
  expect(lines).toMatchObject([{ variable: 'WEBPACK_CONFIG' }]);
  expect(JSON.stringify(lines)).not.toContain('canary');
  warnOfMeaningless({ WEBPACK_CONFIG: '' }, log);
  expect(lines).toHaveLength(1);
});

import { expect, test } from 'vitest';
import { ConfigurationError, flag, integer, list, loadConfig, oneOf, redact, text } from './index.ts';

const settings = {
  name: text({ env: 'NAME', describe: 'a name' }),
  size: integer({ env: 'SIZE', min: 1, max: 10, default: 3, describe: 'a size' }),
  on: flag({ env: 'ON', default: false, describe: 'a switch' }),
  mode: oneOf({ env: 'MODE', values: ['a', 'b'], default: 'a', describe: 'a mode' }),
  words: list({ env: 'WORDS', default: [], describe: 'words' }),
  token: text({ env: 'TOKEN', default: '', secret: true, describe: 'a secret' }),
};

test('values, defaults, and a frozen result', () => {
  const config = loadConfig(settings, { NAME: 'x', WORDS: 'a, b,,c', ON: 'true', SIZE: '' });
  expect(config).toEqual({ name: 'x', size: 3, on: true, mode: 'a', words: ['a', 'b', 'c'], token: '' });
  expect(Object.isFrozen(config)).toBe(true);
});

test('every problem is told at once, with the variable', () => {
  const load = () => loadConfig(settings, { SIZE: '11', ON: 'yes', MODE: 'c' });
  expect(load).toThrow(ConfigurationError);
  try {
    load();
  } catch (error) {
    expect((error as ConfigurationError).problems).toEqual([
      'NAME is required (a name)',
      'SIZE must be a whole number from 1 to 10, not "11" (a size)',
      'ON must be true or false, not "yes" (a switch)',
      'MODE must be one of a, b, not "c" (a mode)',
    ]);
  }
});

test('another name counts where the first is not set', () => {
  const url = { url: text({ env: 'URL', alias: 'FORMER_URL', describe: 'a URL' }) };
  expect(loadConfig(url, { FORMER_URL: 'b' })).toEqual({ url: 'b' });
  expect(loadConfig(url, { URL: '', FORMER_URL: 'b' })).toEqual({ url: 'b' });
  expect(loadConfig(url, { URL: 'a', FORMER_URL: 'b' })).toEqual({ url: 'a' });
  expect(() => loadConfig(url, {})).toThrow('URL is required');
});

test('secrets are hidden', () => {
  const config = loadConfig(settings, { NAME: 'x', TOKEN: 'canary' });
  expect(JSON.stringify(redact(settings, config))).not.toContain('canary');
});

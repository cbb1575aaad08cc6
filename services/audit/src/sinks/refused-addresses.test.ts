import { ConfigurationError } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';

const read = (words: string) => readConfig({ SINK_REFUSED_ADDRESSES: words }).sinkRefusedAddresses;

test.each([
  ['', ['link-local']],
  ['none', ['none']],
  ['link-local, loopback,private', ['link-local', 'loopback', 'private']],
  ['10.0.0.0/8,fd00::/8,::1', ['10.0.0.0/8', 'fd00::/8', '::1']],
])('SINK_REFUSED_ADDRESSES=%s', (words, wanted) => {
  expect(read(words)).toEqual(wanted);
});

test.each(['example.com', '10.0.0.0/33', 'constructor', 'link-local,10.0.0.0/'])(
  'SINK_REFUSED_ADDRESSES=%s is told',
  (words) => {
    expect(() => read(words)).toThrow(ConfigurationError);
    expect(() => read(words)).toThrow(
      /SINK_REFUSED_ADDRESSES must list link-local, loopback, private, none or CIDRs, and /,
    );
  },
);

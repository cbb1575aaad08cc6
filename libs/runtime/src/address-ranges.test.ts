import { expect, test } from 'vitest';
import { AddressSet, LINK_LOCAL, LOOPBACK, subnetOf } from './index.ts';

test.each([
  ['169.254.169.254', true],
  ['::ffff:169.254.169.254', true],
  ['fd00:ec2::254', true],
  ['64:ff9b::a9fe:a9fe', true],
  ['100.100.100.200', true],
  ['127.0.0.1', true],
  ['::1', true],
  ['0.0.0.0', true],
  ['10.0.0.1', false],
  ['fd00::1', false],
  ['93.184.216.34', false],
])('%s is local: %s', (address, wanted) => {
  expect(new AddressSet([...LINK_LOCAL, ...LOOPBACK]).has(address)).toBe(wanted);
});

test.each([
  ['10.0.0.0/8', ['10.0.0.0', 8]],
  ['::1', ['::1', 128]],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0/', undefined],
  ['example.com', undefined],
  ['10.0.0.0/8/8', undefined],
])('%s as a range: %j', (text, wanted) => {
  expect(subnetOf(text)).toEqual(wanted);
});

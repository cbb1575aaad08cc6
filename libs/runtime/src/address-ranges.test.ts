import { expect, test } from 'vitest';
import { AddressSet, LINK_LOCAL, LOOPBACK, PRIVATE, subnetOf } from './index.ts';

test.each([
  ['169.254.169.254', true],
  ['::ffff:169.254.169.254', true],
  ['fd00:ec2::254', true],
  ['64:ff9b::a9fe:a9fe', true],
  ['fd20:ce::254', true],
  ['100.100.100.200', true],
  ['168.63.129.16', true],
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
  ['10.1.2.3', true],
  ['::ffff:192.168.1.1', true],
  ['64:ff9b::10.1.2.3', true],
  ['64:ff9b::172.31.0.1', true],
  ['64:ff9b::192.168.1.1', true],
  ['64:ff9b::100.127.0.1', true],
  ['64:ff9b::172.32.0.1', false],
  ['64:ff9b::93.184.216.34', false],
])('%s is private: %s', (address, wanted) => {
  expect(new AddressSet(PRIVATE).has(address)).toBe(wanted);
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

import { ConfigurationError, loadConfig } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { grantSettings } from '../grant-settings.ts';
import { HostGrants } from './host-grants.ts';

test.each([
  ['example.com', 'example.com', 443, true],
  ['EXAMPLE.com.', 'example.com', 8080, true],
  ['example.com', 'example.com.', 443, true],
  ['example.com', 'www.example.com', 443, false],
  ['example.com:443', 'example.com', 443, true],
  ['example.com:443', 'example.com', 80, false],
  ['*.example.com', 'a.b.example.com', 80, true],
  ['*.example.com', 'example.com', 80, false],
  ['*.example.com', 'badexample.com', 80, false],
  ['*.example.com:8443', 'a.example.com', 80, false],
  ['[2001:DB8::1]:80', '[2001:db8::1]', 80, true],
  ['10.0.0.1', '10.0.0.1', 80, true],
  ['*', 'anything.example', 1, true],
])('%s grants %s:%i: %s', (entry, host, port, granted) => {
  expect(new HostGrants([entry]).allowsHost(host, port)).toBe(granted);
});

const LOCAL = [
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'],
  ...['::1', '::', 'fe80::1', 'ff02::1', 'fd00:ec2::254'],
  ...['::ffff:127.0.0.1', '::ffff:169.254.169.254', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe'],
];

test.each(LOCAL)('%s is granted by nothing but itself with its port', (address) => {
  const host = address.includes(':') ? `[${address}]` : address;
  expect(new HostGrants(['*', host, `${host}:81`, '*.1:80']).allowsAddress(address, 80)).toBe(false);
  expect(new HostGrants([`${host}:80`]).allowsAddress(address, 80)).toBe(true);
});

test.each(['10.0.0.1', '192.168.1.1', '8.8.8.8', '2001:db8::1', '64:ff9b::808:808', '::ffff:8.8.8.8'])(
  '%s is an address like others',
  (address) => {
    expect(new HostGrants([]).allowsAddress(address, 80)).toBe(true);
  },
);

test.each(['https://example.com', 'example.com/path', 'example.com:0', 'example.com:70000', 'a b', 'x@y', '*x', '::1'])(
  'the entry %j is a problem of the configuration',
  (entry) => {
    expect(() => loadConfig(grantSettings, { FETCH_HOSTS: `ok.example,${entry}` })).toThrow(ConfigurationError);
    expect(() => new HostGrants([entry])).toThrow(JSON.stringify(entry));
  },
);

test('the directory of files is an absolute path', () => {
  expect(() => loadConfig(grantSettings, { FILES_DIR: 'files' })).toThrow(/FILES_DIR must be an absolute path/);
  expect(loadConfig(grantSettings, { FILES_DIR: '/files' }).filesDir).toBe('/files');
  expect(loadConfig(grantSettings, {})).toMatchObject({ filesDir: '', fetchHosts: [] });
});

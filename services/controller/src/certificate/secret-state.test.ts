import { describe, expect, test } from 'vitest';
import { notBegun, readSecret } from './secret-state.ts';

// One key signed LEAF, which is valid from 2020 to 2190; LATER and EARLIER are certificates of that key.
const LATER = `-----BEGIN CERTIFICATE-----
MIIBPzCB5qADAgECAhA3cztb8XaLrSTzC65pTgrJMAoGCCqGSM49BAMCMBQxEjAQ
BgNVBAMTCWF1dGhvcml0eTAiGA8yMTgwMDEwMTAwMDAwMFoYDzIxOTAwMTAxMDAw
MDAwWjAUMRIwEAYDVQQDEwlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAATzOighO9J2pd7QQmLPNV7enprKOrzz0uXyC/FpY2hUOcuw5Xd0uFOZdxgt
0ZCggHvUBUwmwrpkgqqcJtzwKZYtoxYwFDASBgNVHRMBAf8ECDAGAQH/AgEAMAoG
CCqGSM49BAMCA0gAMEUCIA9vuc71M8q00D+Q0eoF8F7YcqewbGIq9Qmy4uznXvwu
AiEA+zjoSfWSwkhyiHkQX9JY52esygGS1kEB3GYQvXD8JFo=
-----END CERTIFICATE-----
`;
const EARLIER = `-----BEGIN CERTIFICATE-----
MIIBPzCB5aADAgECAhEA1wG2a4U2R/YNWXjCmyb0FDAKBggqhkjOPQQDAjAUMRIw
EAYDVQQDEwlhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjE5MDAxMDEwMDAw
MDBaMBQxEjAQBgNVBAMTCWF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABPM6KCE70nal3tBCYs81Xt6emso6vPPS5fIL8WljaFQ5y7Dld3S4U5l3GC3R
kKCAe9QFTCbCumSCqpwm3PApli2jFjAUMBIGA1UdEwEB/wQIMAYBAf8CAQAwCgYI
KoZIzj0EAwIDSQAwRgIhAIbI8oN5+HQSZwBROO2ECUvy+rzze+ejTDpvNoQx11a4
AiEA+ZMpf5Ma/VeoI8eYHtRvxuUJctHxsWQjjpn02YthTFs=
-----END CERTIFICATE-----
`;
const LEAF = `-----BEGIN CERTIFICATE-----
MIIBRjCB7qADAgECAhEAsUPxIF51bdMBbinETtFNjjAKBggqhkjOPQQDAjAUMRIw
EAYDVQQDEwlhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjE5MDAxMDEwMDAw
MDBaMA8xDTALBgNVBAMTBGxlYWYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQl
KXrhO3kYZWVlEhoeahvQo425gXQl8TTQF3S0gXGGRj52MmwMsSoFFTyPkkGRMSdS
wdlZ7Jl5nfKO2knj4yqboyQwIjAgBgNVHREEGTAXghVqc3BvbGljeS5qc3BvbGlj
eS5zdmMwCgYIKoZIzj0EAwIDRwAwRAIgTOIKyKI5YTcTecwDClraEw+XiX+CAb7/
ZbeSFGJ6sRkCIAbyJ0SByYRmVGRq2TSheRiKdq0FSdY+ZL7p0dtDBppd
-----END CERTIFICATE-----
`;

describe('an authority that is not valid yet', () => {
  test('makes what it signed useless', () => {
    expect(notBegun({ ca: LATER, cert: LEAF })).toBe('the authority in ca.crt is not valid yet');
  });

  test('does no harm beside one of the same key that is', () => {
    expect(notBegun({ ca: LATER + EARLIER, cert: LEAF })).toBeUndefined();
    expect(notBegun({ ca: EARLIER, cert: LEAF })).toBeUndefined();
  });

  test('is told of a Secret too, after what is wrong with the certificate itself', () => {
    const data = { 'ca.crt': btoa(LATER), 'tls.crt': btoa(LEAF) };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data };
    expect(readSecret(secret)).toMatchObject({ is: 'useless', problem: 'it has no tls.key' });
  });
});

import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/nats-core';

type KeyPair = ReturnType<typeof nkeys.createUser>;

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JWT as NATS signs them: https://docs.nats.io, JWT authentication. */
function signed(subject: KeyPair, issuer: KeyPair, name: string, nats: object): string {
  const claims = {
    jti: randomUUID(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
  };
  const text = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded({ ...claims, nats: { ...nats, version: 2 } })}`;
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString('base64url')}`;
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

/** A server's configuration with an operator and an account, and the credentials file of one user. */
export function operatorFor(name: string): { config: string; credentials: string } {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const accountJwt = (each: KeyPair, of: string) => signed(each, operator, of, { type: 'account', limits: UNLIMITED });
  const config = `operator: "${signed(operator, operator, 'operator', { type: 'operator' })}"
system_account: "${system.getPublicKey()}"
resolver: MEMORY
resolver_preload: {
  ${system.getPublicKey()}: "${accountJwt(system, 'system')}"
  ${account.getPublicKey()}: "${accountJwt(account, 'account')}"
}`;
  const jwt = signed(user, account, name, { type: 'user', subs: -1, data: -1, payload: -1 });
  const seed = new TextDecoder().decode(user.getSeed());
  const credentials = `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n
-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  return { config, credentials };
}

import { randomBytes } from 'node:crypto';

export interface KubeUser {
  name: string;
  groups?: string[];
  /** A random one unless given. */
  token?: string;
}

export const ADMIN: KubeUser = { name: 'admin', groups: ['system:masters'] };

export interface Tokens {
  /** The content of --token-auth-file. */
  csv: string;
  /** By user name. */
  byUser: Record<string, string>;
}

/** Gives each user a token. */
export function tokensFor(users: KubeUser[]): Tokens {
  const rows = users.map(({ name, groups = [], token }) => ({ name, groups, token: token ?? randomToken() }));
  return {
    csv: rows
      .map(({ name, groups, token }) => `${[token, name, name, groups.join(',')].map(quoted).join(',')}\n`)
      .join(''),
    byUser: Object.fromEntries(rows.map(({ name, token }) => [name, token])),
  };
}

const randomToken = () => randomBytes(24).toString('base64url');

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One answer of the API server, of its audit log. */
export interface ApiAnswer {
  user: string;
  verb: string;
  uri: string;
  code: number;
  message: string;
}

interface AuditEvent {
  user: { username: string };
  verb: string;
  requestURI: string;
  responseStatus?: { code?: number; message?: string };
}

/** The audit log of a kube-apiserver: every request that it answered, with who asked. */
export class ApiAudit {
  readonly #log: string;
  readonly #policy: string;

  constructor(directory: string) {
    this.#log = join(directory, 'audit.log');
    this.#policy = join(directory, 'audit-policy.json');
  }

  /** For the server to be started with. It waits for each line to be written. */
  async flags(): Promise<string[]> {
    const policy = {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived', 'ResponseStarted'],
      rules: [{ level: 'Metadata' }],
    };
    await writeFile(this.#policy, JSON.stringify(policy));
    return [`--audit-policy-file=${this.#policy}`, `--audit-log-path=${this.#log}`, '--audit-log-mode=blocking-strict'];
  }

  /** Of users of that prefix. A watch is there when it has ended. */
  async answers(prefix: string): Promise<ApiAnswer[]> {
    const lines = (await readFile(this.#log, 'utf8')).split('\n').filter(Boolean);
    const events = lines.map((line) => JSON.parse(line) as AuditEvent);
    return events
      .filter(({ user }) => user.username.startsWith(prefix))
      .map(({ user, verb, requestURI, responseStatus: { code = 0, message = '' } = {} }) => ({
        user: user.username.slice(prefix.length),
        verb,
        uri: requestURI,
        code,
        message,
      }));
  }
}

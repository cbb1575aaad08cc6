import { readFile } from 'node:fs/promises';
import { request } from 'node:https';

const TIMEOUT_MS = 15_000;

/** The status that the API server answers, undefined while it answers nothing that can be trusted. */
export async function kubeStatus(url: string, caFile: string, token: string): Promise<number | undefined> {
  const ca = await readFile(caFile).catch(() => undefined);
  if (!ca) return undefined;
  const headers = { authorization: `Bearer ${token}` };
  return new Promise((resolve) => {
    const asked = request(url, { ca, headers, timeout: TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KubeApiServer } from '@jspolicy/servers';

const TIMEOUT_MS = 120_000;

export interface KubeAnswer {
  status: number;
  /** Parsed where it is JSON, the text elsewhere. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  body: any;
  /** Warnings are in headers.warning. */
  headers: IncomingHttpHeaders;
}

export interface KubeRequestOptions {
  /** The admin's unless given. */
  token?: string;
  /** A merge patch for PATCH, JSON elsewhere, unless given. */
  contentType?: string;
}

/** One raw request: `kubeRequest(kube, 'POST', '/api/v1/namespaces/default/pods', pod())`. A string is sent as it is. */
export async function kubeRequest(
  kube: Pick<KubeApiServer, 'url' | 'token' | 'caFile'>,
  method: string,
  path: string,
  body?: unknown,
  options: KubeRequestOptions = {},
): Promise<KubeAnswer> {
  const ca = await readFile(kube.caFile);
  const type = options.contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
  const headers = {
    authorization: `Bearer ${options.token ?? kube.token}`,
    ...(body !== undefined && { 'content-type': type }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(kube.url + path, { method, ca, headers, agent: false, timeout: TIMEOUT_MS }, (answer) => {
      const { statusCode: status = 0, headers } = answer;
      text(answer).then((got) => resolve({ status, body: parsed(got), headers }), reject);
    });
    asked.once('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer in ${TIMEOUT_MS / 1000} s`)));
    asked.once('error', reject);
    asked.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

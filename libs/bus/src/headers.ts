import { HEADER, SCHEMA_VERSION } from '@jspolicy/contracts';
import { headers, type MsgHdrs } from '@nats-io/nats-core';

/** Headers of a request: the time that is left, the schema, and the caller's own. */
export function requestHeaders(deadlineMs: number, own: Record<string, string> = {}): MsgHdrs {
  const result = headers();
  for (const [name, value] of Object.entries(own)) result.set(name, value);
  result.set(HEADER.deadlineMs, String(Math.max(0, Math.floor(deadlineMs))));
  result.set(HEADER.schema, SCHEMA_VERSION);
  return result;
}

export function plainHeaders(message: { headers?: MsgHdrs | undefined }): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of message.headers?.keys() ?? []) result[name] = message.headers?.get(name) ?? '';
  return result;
}

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fetchError } from './fetch-error.ts';

const MAX_MIB = 10;
const MAX_BYTES = MAX_MIB * 1024 * 1024;
const unzip = promisify(gunzip);

/**
 * The body of an answer, at most 10 MiB, also when it is unpacked. Throws HostCallError; more than the limit is not read.
 * Whether it was gzip that we had asked for is `compressed`.
 */
export async function responseBody(response: IncomingMessage, compressed: boolean): Promise<Buffer> {
  const bytes = await allOf(response);
  if (!compressed || bytes.length === 0) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw fetchError(`read body: gzip: ${messageOf(error)}`, error);
  }
}

async function allOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop destroys the response, and the connection with it.
      if (bytes > MAX_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (bytes > MAX_BYTES) throw error;
    throw fetchError(`read body: unexpected EOF: ${messageOf(error)}`, error);
  }
  return Buffer.concat(chunks);
}

const tooLarge = () => fetchError(`read body: the body is larger than ${MAX_MIB} MiB`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

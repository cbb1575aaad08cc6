import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { reason, ServersError } from './errors.ts';
import { type OnProgress, reporting } from './progress.ts';
import type { Release } from './release.ts';

// Short: where the net cannot be reached, building is what helps, not waiting.
const CHECKSUM_SILENCE_MS = 5_000;
const DOWNLOAD_SILENCE_MS = 30_000;

/**
 * Fetches a release into the folder and returns the server's path there.
 * Throws SERVER_DOWNLOAD_REFUSED when the checksum does not match, any other error when the net is at fault.
 */
export async function download(release: Release, folder: string, onProgress: OnProgress): Promise<string> {
  const file = basename(release.url);
  const expected = await checksumOf(release.checksumsUrl, file);
  const target = join(folder, file);
  let bytes = 0;
  const actual = await reporting(
    onProgress,
    (soFar) => `downloading ${release.url}, ${(bytes / 1e6).toFixed(1)} MB, ${soFar}`,
    () => fetchInto(release.url, target, (length) => (bytes += length)),
  );
  if (actual !== expected) throw refused(release, expected, actual);
  const server = release.member ? await unpack(target, release.member, folder) : target;
  await chmod(server, 0o755);
  return server;
}

async function checksumOf(url: string, file: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await eachChunk(url, CHECKSUM_SILENCE_MS, (chunk) => chunks.push(chunk));
  const lines = Buffer.concat(chunks)
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/));
  const found = lines.find(([sum, name]) => /^[0-9a-f]{64}$/.test(sum ?? '') && (name === undefined || name === file));
  if (!found?.[0]) throw new Error(`${url} has no sha256 for ${file}`);
  return found[0];
}

/** Writes what the URL answers and returns its sha256. */
async function fetchInto(url: string, target: string, onBytes: (length: number) => void): Promise<string> {
  const hash = createHash('sha256');
  const out = await open(target, 'w');
  try {
    await eachChunk(url, DOWNLOAD_SILENCE_MS, async (chunk) => {
      hash.update(chunk);
      await out.writeFile(chunk);
      onBytes(chunk.length);
    });
  } finally {
    await out.close();
  }
  return hash.digest('hex');
}

/** Hands over what the URL answers, in turn. Throws, with the URL, when it fails or says nothing for so long. */
async function eachChunk(url: string, silenceMs: number, onChunk: (chunk: Uint8Array) => unknown): Promise<void> {
  const controller = new AbortController();
  const silent = () => controller.abort(new Error(`it said nothing for ${silenceMs / 1000} s`));
  const timer = setTimeout(silent, silenceMs);
  try {
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok) throw new Error(`the answer is ${response.status} ${response.statusText}`);
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      await onChunk(chunk);
    }
  } catch (error) {
    throw new Error(`${url}: ${reason(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function unpack(archive: string, member: string, folder: string): Promise<string> {
  await promisify(execFile)('tar', ['-xf', archive, '-C', folder, member]);
  return join(folder, member);
}

function refused({ url, checksumsUrl }: Release, expected: string, actual: string): ServersError {
  return new ServersError(
    'SERVER_DOWNLOAD_REFUSED',
    `${url} was refused: its sha256 is ${actual}, but ${checksumsUrl} says ${expected}. ` +
      'Something between here and there changed it. Try again, or install the server yourself and put it on the PATH.',
  );
}

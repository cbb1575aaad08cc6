import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from '@jspolicy/runtime';
import { type OnProgress, reporting } from './progress.ts';

const POLL_MS = 200;

/** Does the work while holding the lock file; others wait, and say that they wait. A holder that died is replaced. */
export async function withLock<T>(file: string, what: string, onProgress: OnProgress, work: () => Promise<T>) {
  await mkdir(dirname(file), { recursive: true });
  const first = await tryLock(file);
  const lock = 'lock' in first ? first.lock : await waitToTake();
  try {
    return await work();
  } finally {
    await lock.release();
  }

  function waitToTake() {
    const holder = 'holder' in first ? first.holder : undefined;
    const whose = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    return reporting(
      onProgress,
      (soFar) => `waiting for ${whose}, which gets ${what} (${file}), ${soFar}`,
      () => untilTaken(file),
    );
  }
}

async function untilTaken(file: string) {
  for (;;) {
    const taken = await tryLock(file);
    if ('lock' in taken) return taken.lock;
    await delay(POLL_MS);
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, tempDir, waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';

test('work without a pause ends with whoever asked for it', async () => {
  const dir = await tempDir();
  const file = join(dir.path, 'pid');
  const asking = new URL('./asking-process.test-part.ts', import.meta.url).pathname;
  const asker = await startProcess(process.execPath, ['--conditions=source', asking, file]);
  const pid = await waitFor(() => existsSync(file) && Number(readFileSync(file, 'utf8')), { what: 'work to be begun' });
  try {
    expect(works(pid)).toBe(true);
    await asker.stop();
    await waitFor(() => !works(pid), { what: 'the work to be ended', timeoutMs: 30_000 });
  } finally {
    if (works(pid)) process.kill(pid, 'SIGKILL');
    await dir.remove();
  }
});

/** One that ended, and that nobody asked about yet, does not work. */
function works(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

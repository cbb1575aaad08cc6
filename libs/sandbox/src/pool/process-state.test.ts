import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { cpuTimeMs, processState } from './process-state.ts';

/** A process with a name that looks like fields of its own. */
async function withProcess(code: string, use: (pid: number) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['-e', `process.title = 'a) 1 2'; console.log('on'); ${code}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    await use(child.pid as number);
  } finally {
    child.kill('SIGKILL');
  }
}

test('the CPU time of a process that works grows', () =>
  withProcess('for (;;);', async (pid) => {
    const before = cpuTimeMs(pid) ?? 0;
    await waitFor(() => (cpuTimeMs(pid) ?? 0) >= before + 200, { what: 'CPU time to be used' });
    expect(processState(pid)).toMatchObject({ isStopped: false });
  }));

test('that of a process that waits does not, and of one that is gone nothing is known', () =>
  withProcess('setInterval(() => {}, 1e6)', async (pid) => {
    await waitFor(
      async () => {
        const before = cpuTimeMs(pid);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return cpuTimeMs(pid) === before;
      },
      { what: 'a process to rest' },
    );
    process.kill(pid, 'SIGSTOP');
    await waitFor(() => processState(pid).isStopped, { what: 'it to be stopped' });
    expect(cpuTimeMs(undefined)).toBeUndefined();
  }));

import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { type ChildCommand, PIPE_FD } from './child-command.ts';

export interface SpawnedChild {
  child: ChildProcess;
  /** Where the frames go, both ways. */
  pipe: Duplex;
}

/**
 * Starts a sandbox process with an empty environment. Gives the reason instead when the machine cannot start one now, for
 * lack of file descriptors or processes, say. Not all such reasons come at once: the child may still tell 'error'.
 */
export function spawnChild({ command, args }: ChildCommand): SpawnedChild | { failed: string } {
  try {
    const child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    // Without file descriptors a child has none of its streams, whatever its type says; 'error' follows.
    const pipe = (child.stdio as ChildProcess['stdio'] | undefined)?.[PIPE_FD];
    if (pipe) return { child, pipe: pipe as Duplex };
    child.once('error', () => undefined);
    return { failed: `spawn ${command}: no file descriptor is left` };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

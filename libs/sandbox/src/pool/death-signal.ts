import { spawnSync } from 'node:child_process';

/** util-linux; in Debian's smallest image too. BusyBox has one of this name that cannot do it. */
const SETPRIV = '/usr/bin/setpriv';
const OPTIONS = ['--pdeathsig', 'KILL'];

let known: string[] | undefined;

/**
 * What to put in front of a command so that the kernel kills it when its parent dies, however that happens and whatever
 * it does just then. Empty where the machine has nothing of that kind.
 */
export function withDeathSignal(): readonly string[] {
  if (known) return known;
  // It starts itself: our images have no other program.
  const { error, status } = spawnSync(SETPRIV, [...OPTIONS, SETPRIV, '--version'], { stdio: 'ignore' });
  const found = status === 0 ? [SETPRIV, ...OPTIONS] : [];
  // A machine that could not start it just now may have it.
  if (!error || isAbsent(error)) known = found;
  return found;
}

const isAbsent = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOENT' || error.code === 'EACCES';

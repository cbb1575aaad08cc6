/** How often a process looks whether npm, which passes no signal on when it is killed, is still there. */
const PARENT_POLL_MS = 1_000;

/** Ctrl-C reaches every process of the terminal, and npm passes it on once more: what comes so soon is the same one. */
const SAME_WITHIN_MS = 500;

/**
 * Resolves when the user, or whoever started this process, wants it to end: SIGINT, SIGTERM, the end of its terminal, or of
 * who reads its output, of the process on the other side of the channel, of npm. `onAgain` is called for each further signal.
 */
export function untilInterrupted(onAgain: () => void): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = () => {
      const nowMs = performance.now();
      if (firstMs !== undefined && nowMs - firstMs > SAME_WITHIN_MS) onAgain();
      firstMs ??= nowMs;
      resolve();
    };
    const onParentGone = () => {
      firstMs ??= performance.now();
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGHUP', onParentGone);
    process.stdout.once('error', onParentGone);
    if (process.send) process.on('disconnect', onParentGone);
    if (process.env['npm_lifecycle_event']) whenParentEnds(onParentGone);
  });
}

function whenParentEnds(onEnd: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onEnd();
  }, PARENT_POLL_MS).unref();
}

/** Gets lines for a person who waits. */
export type OnProgress = (line: string) => void;

const PERIOD_MS = 10_000;

/** Says at once, and every ten seconds until the work ends, what goes on and for how long. */
export async function reporting<T>(onProgress: OnProgress, say: (soFar: string) => string, work: () => Promise<T>) {
  const began = Date.now();
  const report = () => onProgress(say(`${Math.round((Date.now() - began) / 1000)} s so far`));
  report();
  const timer = setInterval(report, PERIOD_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

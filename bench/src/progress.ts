/** A line on stderr, with the seconds since the start. */
export function progress(text: string): void {
  const seconds = Math.round(performance.now() / 1000);
  process.stderr.write(`[${String(seconds).padStart(4)} s] ${text}\n`);
}

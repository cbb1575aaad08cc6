import type { Terminal } from './terminal.ts';

/** What is done in less is not worth a line. */
const SHOWN_AFTER_MS = 1_000;
const PERIOD_MS = 10_000;

/** Does the work; when that takes longer than a second, says so, again every ten seconds, and when it is done. */
export async function withProgress<T>(terminal: Terminal, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  let shown = false;
  const show = () => {
    terminal.note(shown ? `${what} ... ${seconds()} s` : `${what} ...`);
    shown = true;
    timer = setTimeout(show, PERIOD_MS);
  };
  let timer = setTimeout(show, SHOWN_AFTER_MS);
  try {
    const result = await work();
    if (shown) terminal.note(`${what} ... done in ${seconds()} s`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

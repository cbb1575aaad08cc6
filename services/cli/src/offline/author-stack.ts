/** The last frame of a stack, where it names no function. */
const LAST_FRAME = /\n\s+at ([^()\s]+):(\d+):\d+$/;

/**
 * A text for its author: without the call of the function around his lines, which ends the stack in the webhook's answer.
 * `lines`: how many he wrote; undefined where nothing stands around them.
 */
export function authorStack(text: string, policy: string, lines: number | undefined): string {
  const last = LAST_FRAME.exec(text);
  const isAround = last !== null && last[1] === policy && lines !== undefined && Number(last[2]) > lines;
  return isAround ? text.slice(0, last.index) : text;
}

export const linesOf = (source: string): number => source.split(/\r\n|[\n\r\u2028\u2029]/).length;

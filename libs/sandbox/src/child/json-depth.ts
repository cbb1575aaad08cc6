/** Deeper values could end the stack of whoever writes them as JSON: no object of Kubernetes comes near it. */
export const MAX_DEPTH = 1_000;

const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), '\\'.charCodeAt(0)];
const OPEN = new Set(['['.charCodeAt(0), '{'.charCodeAt(0)]);
const CLOSE = new Set([']'.charCodeAt(0), '}'.charCodeAt(0)]);

/** Whether a JSON text is nested deeper than MAX_DEPTH. */
export function isTooDeep(json: string): boolean {
  if (json.length <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (inText && unit === BACKSLASH) at++;
    else if (unit === QUOTE) inText = !inText;
    else if (!inText && OPEN.has(unit) && ++depth > MAX_DEPTH) return true;
    else if (!inText && CLOSE.has(unit)) depth--;
  }
  return false;
}

const ESCAPED = /[<>&\u2028\u2029]|\\[\\bf]/g;

/**
 * JSON as Go's encoder writes it: `<`, `>`, `&` and two line separators are escaped, backspace and form feed have the
 * long form. Hashes and recorded answers depend on these bytes.
 */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(ESCAPED, (match) => {
    if (match === '\\\\') return match;
    const character = match === '\\b' ? '\b' : match === '\\f' ? '\f' : match;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const encoder = new TextEncoder();

/** The longest start of the text that is at most maxBytes of UTF-8 and ends between two characters. */
export function cutUtf8(text: string, maxBytes: number): string {
  // A UTF-16 unit is three bytes at most: short texts need no look.
  if (text.length * 3 <= maxBytes) return text;
  // encodeInto writes whole characters only.
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(maxBytes)).read);
}

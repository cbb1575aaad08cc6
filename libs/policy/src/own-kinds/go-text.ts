const ESCAPES: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
/** What Go calls printable: letters, marks, numbers, punctuation, symbols, and of the spaces only the ASCII one. */
const UNPRINTABLE = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A text as Go's %q shows it: quotes, and escapes for what cannot be printed. */
export const goQuote = (text: string): string =>
  `"${text.toWellFormed().replace(UNPRINTABLE, (character) => ESCAPES[character] ?? codeOf(character))}"`;

function codeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** A list of texts as Go's %#v shows it: `[]string{"a", "b"}`. */
export const goStrings = (goType: string, values: readonly string[]): string =>
  `${goType}{${values.map(goQuote).join(', ')}}`;

const OUT_OF_ALPHABET = /[^A-Za-z0-9+/]/;
const CLEAN = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Where a text stops being base64 with padding, counted as Go's decoder counts; undefined: it is base64 all through.
 * Line ends are let through anywhere.
 */
export function base64ProblemAt(text: string): number | undefined {
  const clean = text.replace(/[\r\n]/g, '');
  if (CLEAN.test(clean)) return undefined;
  return placeIn(text, problemAt(clean));
}

/** Where the character that is at `wanted` without line ends is with them. Everything before it is ASCII. */
function placeIn(text: string, wanted: number): number {
  let place = 0;
  for (let seen = 0; place < text.length; place++) {
    const isLineEnd = text[place] === '\n' || text[place] === '\r';
    if (!isLineEnd && seen++ === wanted) break;
  }
  return place;
}

/** Of a text that is none, without line ends: the first character that cannot stand where it stands. */
function problemAt(clean: string): number {
  const odd = clean.search(OUT_OF_ALPHABET);
  // The last group is too short: its start is told.
  if (odd < 0) return clean.length - (clean.length % 4);
  if (clean[odd] !== '=' || odd % 4 < 2) return odd;
  if (odd % 4 === 3) return odd + 1;
  // After one sign of padding of two.
  if (odd + 1 >= clean.length) return clean.length;
  return clean[odd + 1] === '=' ? odd + 2 : odd;
}

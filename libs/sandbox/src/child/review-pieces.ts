/**
 * A string of 1 KiB and more is memory outside of an isolate's heap, which is collected very late: resident memory grew
 * by some 100 MiB. Shorter ones are plain strings, and passing 10 KiB in such pieces is faster than as a whole. Two bytes
 * for each unit where the text is not Latin-1.
 */
const PIECE_LENGTH = 500;
/** Beyond it (UTF-16 units) the number of pieces costs more than it saves. */
const MAX_IN_PIECES = 500_000;

/** The text in pieces, to be passed to a context. */
export function inPieces(text: string): string[] {
  if (text.length > MAX_IN_PIECES) return [text];
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += PIECE_LENGTH) pieces.push(text.slice(start, start + PIECE_LENGTH));
  return pieces;
}

const STANDARD = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard base64 of UTF-8 text, padded. undefined for bad input; bytes that are no UTF-8 become U+FFFD. */
export function convertBase64(name: 'atob' | 'btoa', text: string): string | undefined {
  if (name === 'btoa') return Buffer.from(text, 'utf8').toString('base64');
  // Go's decoder passes over line ends.
  const compact = text.replace(/[\r\n]/g, '');
  return STANDARD.test(compact) ? goText(Buffer.from(compact, 'base64')) : undefined;
}

/** One U+FFFD for each byte that is no UTF-8, as Go converts. */
function goText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  let result = '';
  for (let start = 0; start < bytes.length; ) {
    const length = sequenceLength(bytes, start);
    result += length > 0 ? bytes.toString('utf8', start, start + length) : '\ufffd';
    start += Math.max(1, length);
  }
  return result;
}

/** Bytes of the valid UTF-8 sequence that starts there; 0 for none. */
function sequenceLength(bytes: Buffer, start: number): number {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let length = 1; length <= 4 && start + length <= bytes.length; length++) {
    try {
      decoder.decode(bytes.subarray(start, start + length));
      return length;
    } catch {
      // Longer, or none.
    }
  }
  return 0;
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutUtf8 } from './cut.ts';

test('cutUtf8 gives the longest start that fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.nat(100), (text, maxBytes) => {
      const cut = cutUtf8(text, maxBytes);
      const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0);
      expect(text.startsWith(cut)).toBe(true);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      if (cut !== text) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(maxBytes);
    }),
  );
});

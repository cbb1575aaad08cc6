import { goQuote, goStrings } from './go-text.ts';

/** A problem of one field, in the words of Kubernetes' own field errors; users and their scripts know them. */
export type FieldError = string;

export const required = (path: string, detail = ''): FieldError =>
  detail ? `${path}: Required value: ${detail}` : `${path}: Required value`;

export const invalid = (path: string, value: string | number, detail: string): FieldError =>
  `${path}: Invalid value: ${typeof value === 'number' ? value : goQuote(value)}: ${detail}`;

/** `goType` is how the list's type is called in the text. */
export const invalidList = (path: string, goType: string, values: readonly string[], detail: string): FieldError =>
  `${path}: Invalid value: ${goStrings(goType, values)}: ${detail}`;

export const unsupported = (path: string, value: string, supported: readonly string[]): FieldError =>
  `${path}: Unsupported value: ${goQuote(value)}: supported values: ${supported.map(goQuote).join(', ')}`;

export const forbidden = (path: string, detail: string): FieldError => `${path}: Forbidden: ${detail}`;

/** All in one text, each once; undefined when there is none. */
export function allInOne(errors: readonly FieldError[]): string | undefined {
  const different = [...new Set(errors)];
  return different.length > 1 ? `[${different.join(', ')}]` : different[0];
}

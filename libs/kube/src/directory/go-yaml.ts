import type { ScalarTag, TagId } from 'yaml';

/**
 * Scalars as Kubernetes reads them: YAML 1.1 words for true and false, octal `0777`, `1_000`, but no base 60 and no
 * dates. The rules are those of the parser behind sigs.k8s.io/yaml; each was compared with its answer.
 */
const boolTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:[yY]|[yY]es|YES|[tT]rue|TRUE|[oO]n|ON|[nN]|[nN]o|NO|[fF]alse|FALSE|[oO]ff|OFF)$/,
  resolve: (text) => /^(?:[yY]|[tT]rue|TRUE|[oO]n|ON)/.test(text),
};

const nullTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:null',
  default: true,
  test: /^(?:~|[nN]ull|NULL)?$/,
  resolve: () => null,
};

/** What begins like a number and is none stays text. */
const numberTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?\.?[0-9]/,
  resolve: (text) => goNumber(text) ?? text,
};

const intTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  resolve: (text, onError) => goNumber(text) ?? reject(onError, text, 'a whole number'),
};

const notFiniteTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (text, onError) => reject(onError, text, 'a value that JSON has'),
};

function reject(onError: (message: string) => void, text: string, wanted: string): string {
  onError(`${text} is not ${wanted}`);
  return text;
}

const RADIX: Record<string, number> = { x: 16, o: 8, b: 2 };
const DIGITS: Record<number, RegExp> = { 16: /^[0-9a-f]+$/i, 8: /^[0-7]+$/, 2: /^[01]+$/ };

/** The number that a plain scalar is, or undefined. */
export function goNumber(text: string): number | undefined {
  const plain = text.startsWith('.') ? text : text.replaceAll('_', '');
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
  const [, marker, rest = ''] = /^0([xob]?)(.+)$/is.exec(digits) ?? [];
  const radix = marker === undefined ? 10 : (RADIX[marker.toLowerCase()] ?? 8);
  if (radix !== 10 && DIGITS[radix]?.test(rest)) return signed(sign, Number.parseInt(rest, radix));
  return /^(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:e[-+]?[0-9]+)?$/i.test(digits) ? signed(sign, Number(digits)) : undefined;
}

/** Minus zero becomes zero, as in JSON written by Go. */
const signed = (sign: string, value: number): number => (sign === '-' && value !== 0 ? -value : value);

/** Options for the parser. The base schema knows maps, sequences and text only. */
export const GO_YAML = {
  schema: 'failsafe',
  customTags: (tags: (ScalarTag | TagId | object)[]) =>
    [nullTag, boolTag, notFiniteTag, numberTag, intTag, ...tags, 'merge'] as TagId[],
  merge: true,
  resolveKnownTags: false,
  logLevel: 'error',
} as const;

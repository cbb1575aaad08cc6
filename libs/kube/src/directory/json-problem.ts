/** Punctuation, a string, a number or a word of JSON, after white space. */
const TOKEN =
  /[ \t\r\n]*(?:([{}[\]:,])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.])|(?:true|false|null)(?!\w)))/y;

interface Token {
  /** Punctuation as it is, `string`, `value`, `end`, or `wrong` for what JSON does not have. */
  kind: string;
  offset: number;
}

class Wrong extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** What is wrong with a text that should be JSON, and at which offset; undefined when nothing is. */
export function jsonProblem(text: string): { offset: number; message: string } | undefined {
  const tokens = new Tokens(text);
  try {
    readValue(tokens, tokens.next(), 'a value');
    const rest = tokens.next();
    if (rest.kind !== 'end') throw new Wrong(rest.offset, 'nothing more is expected after the value');
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return { offset: 0, message: 'is nested too deeply' };
    if (!(error instanceof Wrong)) throw error;
    const { offset, message } = error;
    return { offset, message: `no JSON: ${message}` };
  }
}

class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    TOKEN.lastIndex = this.#at;
    const [whole, punctuation, string] = TOKEN.exec(this.#text) ?? [];
    const white = /[ \t\r\n]*/y;
    white.lastIndex = this.#at;
    const offset = this.#at + (white.exec(this.#text)?.[0].length ?? 0);
    if (whole === undefined) return { kind: offset === this.#text.length ? 'end' : 'wrong', offset };
    this.#at += whole.length;
    return { kind: punctuation ?? (string === undefined ? 'value' : 'string'), offset };
  }
}

function readValue(tokens: Tokens, token: Token, wanted: string): void {
  if (token.kind === '{') readObject(tokens);
  else if (token.kind === '[') readArray(tokens);
  else if (token.kind !== 'string' && token.kind !== 'value') throw expected(wanted, token);
}

function readObject(tokens: Tokens): void {
  let token = tokens.next();
  if (token.kind === '}') return;
  for (;;) {
    if (token.kind !== 'string') throw expected('a key in double quotes', token);
    const colon = tokens.next();
    if (colon.kind !== ':') throw expected("':' after the key", colon);
    readValue(tokens, tokens.next(), 'a value');
    const after = tokens.next();
    if (after.kind === '}') return;
    if (after.kind !== ',') throw expected("',' or '}' after the value", after);
    token = tokens.next();
  }
}

function readArray(tokens: Tokens): void {
  let token = tokens.next();
  if (token.kind === ']') return;
  for (;;) {
    readValue(tokens, token, 'a value');
    const after = tokens.next();
    if (after.kind === ']') return;
    if (after.kind !== ',') throw expected("',' or ']' after the value", after);
    token = tokens.next();
  }
}

const expected = (wanted: string, { kind, offset }: Token): Wrong =>
  new Wrong(offset, `${wanted} is expected here${kind === 'end' ? ', but the text ends' : ''}`);

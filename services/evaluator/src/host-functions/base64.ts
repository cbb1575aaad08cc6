const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Text from base64 of its UTF-8, undefined for anything that is not exactly that. Line ends are skipped. */
export function atob(args: unknown[]): string | undefined {
  const [text] = args;
  if (args.length !== 1 || typeof text !== 'string') return undefined;
  const base64 = text.replace(/[\r\n]/g, '');
  return BASE64.test(base64) ? Buffer.from(base64, 'base64').toString('utf8') : undefined;
}

/** base64 of the text's UTF-8. */
export function btoa(args: unknown[]): string | undefined {
  const [text] = args;
  return args.length === 1 && typeof text === 'string' ? Buffer.from(text).toString('base64') : undefined;
}

import { fetchError, requestError } from './fetch-error.ts';

/**
 * The URL of a request. Throws what policies see from jsPolicy for a text that is none, or is of no scheme that can be
 * fetched; where the two parsers differ otherwise, the text is refused.
 */
export function requestUrl(text: string, method: string): URL {
  const problem = syntaxProblem(text);
  if (problem) throw fetchError(`create request: parse ${JSON.stringify(text)}: ${problem}`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? '';
  if (scheme !== 'http' && scheme !== 'https') {
    throw requestError(method, text, `unsupported protocol scheme ${JSON.stringify(scheme)}`);
  }
  if (authorityOf(text) === '') throw requestError(method, withoutEmptyHost(text), 'http: no Host in request URL');
  if (!URL.canParse(text)) throw fetchError(`create request: parse ${JSON.stringify(text)}: invalid URL`);
  return new URL(text);
}

/** As errors show it: a password is not for every log. */
export function shownUrl(text: string): string {
  return text.replace(/^([a-z]+:\/\/[^/?#@:]*):[^/?#@]*@/i, '$1:***@');
}

function syntaxProblem(text: string): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'net/url: invalid control character in URL';
  if (text.startsWith(':')) return 'missing protocol scheme';
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text) && /^[^/?#]*:/.test(text)) {
    return 'first path segment in URL cannot contain colon';
  }
  const authority = authorityOf(text);
  const broken = /%(?![0-9a-f]{2})(.{0,2})/i.exec(text.replace(/[?#].*$/s, ''));
  return (authority && hostProblem(authority)) || (broken ? `invalid URL escape "%${broken[1]}"` : undefined);
}

function hostProblem(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (host.startsWith('[') && !host.includes(']')) return "missing ']' in host";
  const port = /^(?:\[.*\]|[^:]*)(:.*)?$/.exec(host)?.[1];
  if (port !== undefined && !/^:\d*$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  const illegal = /[ "<>\\^`{|}]/.exec(host)?.[0];
  return illegal && `invalid character ${JSON.stringify(illegal)} in host name`;
}

/** What stands between // and the path; undefined without //. */
const authorityOf = (text: string): string | undefined => /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1];

const withoutEmptyHost = (text: string): string => text.replace(/^([a-z]+:)\/\/(?=$|[?#])/i, '$1');

const WORDS: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of it is no directory',
  EISDIR: 'is a directory, and a file is expected',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
};

/** Why a file cannot be read, as a sentence that begins with its path. */
export function whyUnreadable(path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const words = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  return words ? `${path} ${words}` : `${path} cannot be read: ${message}`;
}

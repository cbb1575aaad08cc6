/** What the API's paths cannot carry, in the API's words; undefined when there is nothing wrong. */
export function segmentProblem(segment: string): string | undefined {
  if (segment === '.' || segment === '..') return `may not be '${segment}'`;
  const illegal = ['/', '%'].filter((character) => segment.includes(character));
  return illegal.length > 0 ? illegal.map((character) => `may not contain '${character}'`).join(' ') : undefined;
}

import { LINK_LOCAL, LOOPBACK, list, PRIVATE, type Setting, type Subnet, subnetOf } from '@jspolicy/runtime';

const RANGES: Record<string, readonly Subnet[]> = {
  'link-local': LINK_LOCAL,
  loopback: LOOPBACK,
  private: PRIVATE,
  none: [],
};

/** A list of ranges of addresses, by their names or as CIDR. */
export function rangeList(setting: { env: string; describe: string; default: string[] }): Setting<string[]> {
  const words = list(setting);
  return {
    ...words,
    parse(raw) {
      const parsed = words.parse(raw);
      const wrong = 'value' in parsed ? parsed.value.find((word) => rangesOf(word) === undefined) : undefined;
      if (wrong === undefined) return parsed;
      return { problem: `must list ${Object.keys(RANGES).join(', ')} or CIDRs, and ${JSON.stringify(wrong)} is none` };
    },
  };
}

/** The ranges of a word of such a list; undefined for what is none. */
export function rangesOf(word: string): readonly Subnet[] | undefined {
  if (Object.hasOwn(RANGES, word)) return RANGES[word];
  const subnet = subnetOf(word);
  return subnet && [subnet];
}

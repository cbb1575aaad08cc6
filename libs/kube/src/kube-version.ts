/** Older ones drop matchConditions without a word. */
const NEEDED_MINOR = 28;

/** What a user must know of an API server that is too old; undefined for one that is not, or that tells no version. */
export function versionWarning(version: string): string | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || Number(major) > 1 || Number(minor) >= NEEDED_MINOR) return undefined;
  return (
    `the API server is Kubernetes ${version}, and 1.${NEEDED_MINOR} or newer is needed: this one drops matchConditions, so ` +
    "policies judge the engine's own objects too, and one that denies them can block the engine"
  );
}

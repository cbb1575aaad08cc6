/**
 * A folder that is no part of the repository, named by a variable. Tests that read it are skipped where it is not set,
 * and the run says so.
 */
function folder(variable: string, what: string): string | undefined {
  const path = process.env[variable];
  if (!path) process.stderr.write(`${variable} is not set: tests that read ${what} are skipped\n`);
  return path;
}

/** Published articles about policies; their manifests are applied as they stand. */
export const seedsFolder = () => folder('JSPOLICY_SEEDS_DIR', 'published policies');

/** Cases that were recorded from jsPolicy, and the tool that posts them to an engine and compares. */
export const oracleFolder = () => folder('JSPOLICY_ORACLE_DIR', 'recorded answers of jsPolicy');

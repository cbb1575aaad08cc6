import { ClusterRun } from './run.ts';
import { SCENARIOS } from './scenarios.ts';
import { readSettings, type Settings, USAGE } from './settings.ts';

const note = (line: string): void => void process.stderr.write(`${line}\n`);

function settingsOrUsage(): Settings {
  try {
    return readSettings(process.argv.slice(2), process.env, ['install', ...Object.keys(SCENARIOS)]);
  } catch (error) {
    note(error instanceof Error ? error.message : String(error));
    note(USAGE);
    process.exit(2);
  }
}

try {
  const outcomes = await new ClusterRun(settingsOrUsage(), note).run();
  console.table(outcomes.map(({ about, problem, ...counts }) => ({ ...counts, result: problem || about })));
  process.exitCode = outcomes.some(({ problem }) => problem !== '') ? 1 : 0;
} catch (error) {
  note(error instanceof Error ? String(error.stack) : String(error));
  process.exitCode = 1;
}

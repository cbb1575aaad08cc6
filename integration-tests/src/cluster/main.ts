import { ClusterRun } from './run.ts';
import { SCENARIOS } from './scenarios.ts';
import { readSettings, USAGE } from './settings.ts';

const note = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  const settings = readSettings(process.argv.slice(2), process.env, ['install', ...Object.keys(SCENARIOS)]);
  const outcomes = await new ClusterRun(settings, note).run();
  console.table(outcomes.map(({ about, problem, ...counts }) => ({ ...counts, result: problem || about })));
  process.exitCode = outcomes.some(({ problem }) => problem !== '') ? 1 : 0;
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
  note(USAGE);
  process.exitCode = 2;
}

import { EXIT } from '../exit-codes.ts';
import { withProgress } from '../progress.ts';
import { RuleTelling } from '../stack/rule-telling.ts';
import type { Terminal } from '../terminal.ts';
import { OfflineEngine } from './offline-engine.ts';
import { readPolicyFiles } from './policy-files.ts';
import type { OutputFormat } from './render-review.ts';
import { printReview } from './render-review.ts';
import { readReview } from './review-file.ts';
import { isDenial, type ReviewStep, runReview } from './review-run.ts';

export interface ReviewOptions {
  filename: string[];
  review: string;
  output: OutputFormat;
  timeout?: number;
}

/** Resolves with the exit code; throws CommandError. */
export async function review(options: ReviewOptions, terminal: Terminal): Promise<number> {
  const { policies, objects, notices } = await readPolicyFiles(options.filename);
  for (const notice of notices) terminal.note(notice);
  const engine = await OfflineEngine.open(objects);
  try {
    await new RuleTelling({ cluster: engine.cluster, complete: false, onLine: (line) => terminal.note(line) }).look(
      policies.map(({ policy }) => policy),
    );
    const input = await readReview(options.review, engine.cluster);
    const judging = { timeoutMs: options.timeout, onPrint: (line: string) => terminal.note(line) };
    const steps = await withProgress(terminal, 'compiling and judging', () =>
      runReview(engine, policies, input, judging),
    );
    printReview(steps, input, options.output, terminal);
    return exitCode(steps);
  } finally {
    await engine.close();
  }
}

/** What could not be evaluated comes first: a denial beside it may be half of the truth. */
function exitCode(steps: ReviewStep[]): number {
  const judged = steps.filter((step) => step.kind === 'judged');
  if (judged.some(({ evaluated }) => !evaluated)) return EXIT.failed;
  return judged.some(({ decision }) => isDenial(decision)) ? EXIT.denied : EXIT.ok;
}

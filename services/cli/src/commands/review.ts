import { type Command, Option } from 'commander';
import type { ReviewOptions } from '../offline/review.ts';
import type { Terminal } from '../terminal.ts';
import { wholeNumber } from './option-values.ts';
import { requireOptions } from './required-options.ts';

const MAX_TIMEOUT_MS = 30_000;

const EXAMPLES = `
Examples:
  jspolicy review -f policy.yaml -r review.json
  jspolicy review -f policies/ -r pod.yaml           a plain object: its creation is judged
  kubectl get pod web -o json | jspolicy review -f policy.yaml -r - -o json

Judges one AdmissionReview with the policies of the files, without a cluster and without any service. Other objects in the
files are what get() and list() see. Mutating policies come first, in the order of the files, and each sees what the ones
before it changed. A policy whose operations, resources, scope or selectors do not cover the request is skipped, and why is said.
AdmissionReviews in the files of -f are left out.

-o json and -o yaml print the AdmissionReview that answers, and with several policies a List of them, each with its
policy's name in metadata.name.

Exit codes: 0 allowed, 1 denied, 2 could not be evaluated, or bad input.`;

export function reviewCommand(program: Command, terminal: Terminal): void {
  const command = program.command('review');
  requireOptions(command, 'filename', 'review');
  command
    .description('judge one AdmissionReview with policies from files')
    .option('-f, --filename <file...>', 'files or folders with policies, and objects for get() and list()')
    .option('-r, --review <file>', 'AdmissionReview, or an object to create, as JSON or YAML; - for standard input')
    .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json', 'yaml']).default('text'))
    .option(
      '--timeout <ms>',
      'for each policy, instead of its timeoutSeconds',
      wholeNumber('--timeout', 1, MAX_TIMEOUT_MS),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: ReviewOptions) => {
      const { review } = await import('../offline/review.ts');
      process.exitCode = await review(options, terminal);
    });
}

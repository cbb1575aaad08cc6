import { writeFile } from 'node:fs/promises';
import type { Bundle } from '@jspolicy/contracts';
import { policyRecord } from '@jspolicy/policy';
import { CommandError } from '../exit-codes.ts';
import { withProgress } from '../progress.ts';
import { shownPath, type Terminal, table } from '../terminal.ts';
import { OfflineEngine } from './offline-engine.ts';
import { type PolicyFile, readPolicyFiles } from './policy-files.ts';

export interface BundleOptions {
  filename: string[];
  explain?: boolean;
  script?: string;
  output: 'text' | 'json';
}

/** Compiles all, and prints what came out. Throws CommandError, at the end, for all that does not compile. */
export async function bundle({ filename, explain, script, output }: BundleOptions, terminal: Terminal): Promise<void> {
  const { policies, notices } = await readPolicyFiles(filename);
  for (const notice of notices) terminal.note(notice);
  if (script !== undefined && policies.length > 1) {
    throw new CommandError(`--script takes one policy, and the files have ${policies.length}`);
  }
  const all: Facts[] = [];
  const problems: string[] = [];
  const engine = await OfflineEngine.open([]);
  try {
    for (const file of policies) {
      const made = await withProgress(terminal, `compiling ${file.policy.metadata.name}`, () =>
        compileOne(engine, file),
      ).catch(problemOf);
      if (typeof made === 'string') {
        problems.push(made);
        continue;
      }
      const facts = factsOf(file, made, explain === true);
      if (output === 'json') all.push(facts);
      else terminal.print(`${described(facts)}\n`);
      if (script !== undefined) await writeScript(script, made.script, terminal);
    }
  } finally {
    await engine.close();
  }
  if (output === 'json') terminal.print(JSON.stringify(all, null, 2));
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
}

/** Whoever tries all his policies wants to hear of each one that does not compile, and not of the first alone. */
function problemOf(cause: unknown): string {
  if (cause instanceof CommandError) return cause.message;
  throw cause;
}

async function writeScript(file: string, script: string, terminal: Terminal): Promise<void> {
  await writeFile(file, script).catch((cause: Error) => {
    throw new CommandError(`--script: ${file} cannot be written: ${cause.message}`, { cause });
  });
  terminal.note(`written to ${shownPath(file)}`);
}

async function compileOne(engine: OfflineEngine, file: PolicyFile): Promise<Bundle> {
  const { bundle } = await engine.compile(file);
  if (!bundle)
    throw new CommandError(`${file.policy.metadata.name} has neither javascript nor a JsPolicyBundle that can be read`);
  return bundle;
}

interface Facts {
  policy: string;
  digest: string;
  sizeBytes: number;
  isolation: string;
  reason?: string;
  calls: string[];
}

function factsOf({ policy }: PolicyFile, bundle: Bundle, explain: boolean): Facts {
  const { digest, hostCalls: calls, script } = bundle;
  const { isolation = bundle.isolation, isolationReason: reason = '' } = policyRecord(policy, bundle).bundle ?? {};
  const sizeBytes = Buffer.byteLength(script);
  return { policy: policy.metadata.name, digest, sizeBytes, isolation, ...(explain && { reason }), calls };
}

const described = ({ policy, digest, sizeBytes, isolation, reason, calls }: Facts): string =>
  table([
    ['policy', policy],
    ['digest', digest],
    ['size', `${sizeBytes} bytes`],
    ['isolation', isolation],
    ...(reason === undefined ? [] : [['reason', reason]]),
    ['calls', calls.join(', ') || 'none'],
  ]);

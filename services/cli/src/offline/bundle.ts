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
}

/** Compiles, and prints what came out. Throws CommandError for what does not compile. */
export async function bundle({ filename, explain, script }: BundleOptions, terminal: Terminal): Promise<void> {
  const { policies, notices } = await readPolicyFiles(filename);
  for (const notice of notices) terminal.note(notice);
  if (script !== undefined && policies.length > 1) {
    throw new CommandError(`--script takes one policy, and the files have ${policies.length}`);
  }
  const engine = await OfflineEngine.open([]);
  try {
    for (const file of policies) {
      const made = await withProgress(terminal, `compiling ${file.policy.metadata.name}`, () =>
        compileOne(engine, file),
      );
      terminal.print(`${describe(file, made, explain === true)}\n`);
      if (script !== undefined) await writeScript(script, made.script, terminal);
    }
  } finally {
    await engine.close();
  }
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

function describe({ policy }: PolicyFile, bundle: Bundle, explain: boolean): string {
  const { digest, hostCalls, script } = bundle;
  const { isolation = bundle.isolation, isolationReason = '' } = policyRecord(policy, bundle).bundle ?? {};
  const facts = [
    ['policy', policy.metadata.name],
    ['digest', digest],
    ['size', `${Buffer.byteLength(script)} bytes`],
    ['isolation', isolation],
    ...(explain ? [['reason', isolationReason]] : []),
    ['calls', hostCalls.join(', ') || 'none'],
  ];
  return table(facts);
}

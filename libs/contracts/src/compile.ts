import type { Bundle } from './policy-record.ts';

/** What the compiler is asked: a policy's source, or a bundle that the user made. */
export type CompileRequest =
  | { kind: 'source'; policy: string; source: string; dependencies: Record<string, string> }
  | { kind: 'precompiled'; policy: string; script: string };

/** A place in the policy author's text: line and column count from 1, column in characters. */
export interface Diagnostic {
  file: string;
  line?: number;
  column?: number;
  text: string;
  /** The author's line, when there is one. */
  lineText?: string;
}

export type CompileReply =
  | { ok: true; bundle: Bundle; lockfile?: string; warnings: Diagnostic[] }
  | {
      ok: false;
      /** author: the policy must be changed. platform: the same request may succeed later (registry down, time, disk). */
      fault: 'author' | 'platform';
      /** What stands in the policy's status: `error bundling javascript: ...` or `error installing dependencies: ...`. */
      message: string;
      diagnostics: Diagnostic[];
    };

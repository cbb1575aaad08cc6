import type { CompileReply, Diagnostic } from '@jspolicy/contracts';

type Fault = 'author' | 'platform';
type FailedReply = Extract<CompileReply, { ok: false }>;

/** Ends a build; compile() makes a reply of it. Every other error is a bug and is thrown to the caller. */
export class CompileFailure extends Error {
  readonly fault: Fault;
  readonly diagnostics: Diagnostic[];
  constructor(fault: Fault, message: string, diagnostics: Diagnostic[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'CompileFailure';
    this.fault = fault;
    this.diagnostics = diagnostics;
  }
  reply(): FailedReply {
    return { ok: false, fault: this.fault, message: this.message, diagnostics: this.diagnostics };
  }
}

/** What the shell is told. 1 is kept for a denial, so that a script can tell it from everything else. */
export const EXIT = {
  ok: 0,
  denied: 1,
  /** Bad input, or something that could not be evaluated or started. */
  failed: 2,
  /** EX_CONFIG of sysexits.h. */
  configuration: 78,
  /** The second Ctrl-C: 128 and the number of SIGINT. */
  interrupted: 130,
} as const;

/** Ends the command with a message for the user, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

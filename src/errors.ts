/** Exit codes; stable, and any other code means failure (README has the table). */
export const exitCodes = {
  failed: 1,
  usage: 2,
  incomplete: 3,
  forbidden: 4,
  gone: 5,
  timeout: 6,
  unsupported: 7,
  disk: 8,
  interrupted: 130,
  terminated: 143,
} as const;

/** What went wrong, as the exit code tells it. */
export type Failure = keyof typeof exitCodes;

/**
 * An error for the person at the terminal: a sentence, subject first, that names what they typed.
 * `hint` is the next thing to do, ideally a command to paste; `cause` is what lies below, printed as a line.
 * Anything thrown that is not one of these is a bug of kprof.
 */
export class KprofError extends Error {
  readonly failure: Failure;
  readonly hint: string | undefined;

  constructor(failure: Failure, message: string, more: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'KprofError';
    this.failure = failure;
    this.hint = more.hint;
  }
}

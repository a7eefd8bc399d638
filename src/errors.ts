/** Exit codes; stable, and any other code means failure (README has the table). */
export const exitCodes = {
  failed: 1,
  /** What was named is not there. */
  missing: 1,
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

/** What an error tells beside its sentence. */
export interface More {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** It is the line that broke, or was not there: the same may go well on another one. */
  readonly lost?: boolean | undefined;
}

/**
 * An error for the person at the terminal: a sentence, subject first, that names what they typed.
 * `hint` is the next thing to do, ideally a command to paste; `cause` is what lies below, printed as a line.
 * Anything thrown that is not one of these is a bug of kprof.
 */
export class KprofError extends Error {
  readonly failure: Failure;
  readonly hint: string | undefined;
  readonly lost: boolean;

  constructor(failure: Failure, message: string, more: More = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'KprofError';
    this.failure = failure;
    this.hint = more.hint;
    this.lost = more.lost ?? false;
  }
}

/** What it says is true for a moment only, as of a process that has just begun: who looks again may see something else. */
export class NotYet extends KprofError {}

/** Whether the error means that the line broke, and not that the command failed or was refused. */
export const isLineLost = (error: unknown): boolean => error instanceof KprofError && error.lost;

/** The container is between two runs, and its pod is there: so is what is the pod's and not the container's. */
export class Down extends KprofError {}

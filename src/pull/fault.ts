/** What went wrong with a pull that another try may mend. */
import { type Failure, KprofError, type More } from '../errors.ts';

/**
 * How to go on. `line`: the line broke; from the last good byte, for as long as something new comes.
 * `rest`: what came last can't be right; from there, once. `anew`: what is here is wrong; from the start, once.
 */
export type Again = 'line' | 'rest' | 'anew';

/** An error after which it is tried again; if it stays, an error like any other. */
export class Fault extends KprofError {
  readonly again: Again;

  constructor(again: Again, message: string, more: More & { readonly failure?: Failure } = {}) {
    super(more.failure ?? 'incomplete', message, more);
    this.again = again;
  }

  /** The same, said otherwise. */
  saying(message: string): Fault {
    return new Fault(this.again, message, { failure: this.failure, hint: this.hint, cause: this.cause });
  }
}

/** What came is damaged, or lacks its end. */
export const damage = (reason: string, cause?: unknown): Fault => new Fault('rest', reason, { cause });

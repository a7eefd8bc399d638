/** Why the sender in the pod ended, and what it said about it. */
import { KprofError } from '../errors.ts';
import { Fault } from './fault.ts';

/** Of the file that is pulled. */
export const changed = 'the file in the pod is another one now, or was changed';

/** Exit codes of the pod's side (src/remote/kprof.sh, images/jvm/inroot.c). */
const ends = { changed: 4, unheard: 74, stopped: 143 } as const;

/** The pod's side never heard that all came here: it may have, all the same. */
export const endedUnheard = ends.unheard;

/** A sender that fails gives its own reason; that of a cut stream is only the consequence. */
export function exited(code: number, remark: string): KprofError {
  if (code === ends.stopped || code === ends.unheard) return new Fault('line', 'the pod heard nothing from here any more');
  if (code === ends.changed) return new KprofError('incomplete', changed);
  return new KprofError('incomplete', `the sender in the pod ended with exit code ${code}${remark === '' ? '' : `: ${remark}`}`);
}

/** The reason, with what the sender said on stderr. */
export function explained(error: unknown, remark: string): unknown {
  if (!(error instanceof KprofError) || error.failure !== 'incomplete' || remark === '') return error;
  const message = `${error.message}; the sender said: ${remark}`;
  return error instanceof Fault ? error.saying(message) : new KprofError('incomplete', message, { cause: error.cause });
}

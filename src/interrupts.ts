/** Ctrl-C: the first stops early, the second gives up and cleans up, the third leaves at once. */
import type { Stops } from './capture/session.ts';
import { exitCodes, KprofError } from './errors.ts';
import type { Report } from './report.ts';

/**
 * What the first Ctrl-C means: what there is is kept, or lost; what is finished stays in the pod; what is here is checked all the same, once the
 * pod is clean; the session ends; or it is for the client in this terminal.
 */
export type FirstInterrupt = 'keeps' | 'loses' | 'leaves' | 'lets go' | 'is here' | 'ends' | 'is theirs';

const meanings: Partial<Record<FirstInterrupt, string>> = {
  keeps: 'Stopping early and keeping what there is. Ctrl-C again gives it up.',
  leaves: 'Leaving the rest in the pod. Ctrl-C again gives it up.',
  ends: 'Ending the session: the process runs on, without breakpoints. Ctrl-C again leaves that to the pod.',
};

/** The signals of the person at the terminal, as AbortSignals. */
export interface Interrupts {
  readonly stops: Stops;
  /** Tells what a first Ctrl-C would do from now on; undefined: nothing runs that could be kept. */
  readonly capturing: (early: FirstInterrupt | undefined) => void;
  close(): void;
}

/**
 * The pod cleans up. Not in the very moment: a Node that is told to exit while it compiles may wait for its own compiler for ever
 * (https://github.com/nodejs/node/issues/54918), and after a moment without a stream it has nothing to compile.
 */
function leave(code: number = exitCodes.interrupted): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), 100);
}

const interrupted = (): KprofError => new KprofError('interrupted', 'Interrupted');

/** What the first Ctrl-C changes nothing about. */
const goesOn: Partial<Record<FirstInterrupt, string>> = {
  'lets go': 'It is all here; the pod is being cleaned up. Ctrl-C again leaves that to the pod, and the check to kprof resume.',
  'is here': 'It is all here, and is being checked. Ctrl-C again leaves that to kprof resume.',
};
const leaves = 'It is all here, and not checked: kprof resume does that';

const givesUp = 'Giving up and cleaning up. Ctrl-C again leaves that to the pod.';

/** Listens until closed; `gives` tells what giving up means. */
export function interrupts(report: Report, gives: string = givesUp): Interrupts {
  const early = new AbortController();
  const abort = new AbortController();
  let keeps: FirstInterrupt | undefined;
  let isTold = false;
  const onInterrupt = () => {
    if (keeps === 'is theirs') return;
    if (abort.signal.aborted || isTold) return leave();
    const passing = keeps && goesOn[keeps];
    if (passing !== undefined) {
      report.note(passing);
      isTold = true;
      return;
    }
    const meaning = keeps && meanings[keeps];
    if (meaning !== undefined && !early.signal.aborted) {
      report.note(meaning);
      early.abort(interrupted());
      return;
    }
    report.note(gives);
    early.abort(interrupted());
    abort.abort(interrupted());
  };
  const onTerminate = () => {
    if (keeps === 'is here') {
      report.note(leaves);
      return leave(exitCodes.terminated);
    }
    early.abort(new KprofError('terminated', 'Terminated'));
    abort.abort(new KprofError('terminated', 'Terminated'));
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  process.on('SIGHUP', onTerminate);
  return {
    stops: { early: early.signal, abort: abort.signal },
    capturing: (next) => {
      keeps = next;
    },
    close: () => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      process.off('SIGHUP', onTerminate);
    },
  };
}

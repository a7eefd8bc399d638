/** Ctrl-C: the first stops early, the second gives up and cleans up, the third leaves at once. */
import type { Stops } from './capture/session.ts';
import { exitCodes, KprofError } from './errors.ts';
import type { Report } from './report.ts';

/** What the first Ctrl-C means: what there is is kept, or lost; the session ends; or it is for the client in this terminal. */
export type FirstInterrupt = 'keeps' | 'loses' | 'ends' | 'is theirs';

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
function leave(): void {
  process.exitCode = exitCodes.interrupted;
  setTimeout(() => process.exit(exitCodes.interrupted), 100);
}

const interrupted = (): KprofError => new KprofError('interrupted', 'Interrupted');

/** Listens until closed. */
export function interrupts(report: Report): Interrupts {
  const early = new AbortController();
  const abort = new AbortController();
  let keeps: FirstInterrupt | undefined;
  const onInterrupt = () => {
    if (keeps === 'is theirs') return;
    if (abort.signal.aborted) return leave();
    if ((keeps === 'keeps' || keeps === 'ends') && !early.signal.aborted) {
      report.note(
        keeps === 'keeps'
          ? 'Stopping early and keeping what there is. Ctrl-C again gives it up.'
          : 'Ending the session: the process runs on, without breakpoints. Ctrl-C again leaves that to the pod.',
      );
      early.abort(interrupted());
      return;
    }
    report.note('Giving up and cleaning up. Ctrl-C again leaves that to the pod.');
    early.abort(interrupted());
    abort.abort(interrupted());
  };
  const onTerminate = () => {
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

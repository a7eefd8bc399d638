/** The lease on a capture: as long as it is held, the pod leaves the capture alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DebugContainer, Execution } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import { retry } from '../retry.ts';
import type { Argv } from '../toolkit.ts';
import { noSuchCapture, start, tooLate } from './remote.ts';

/** For the pod to clean up: it tries for 15 s, and each thing it undoes may take 10 s. */
const patience = 25_000;

/** A line that does not answer by then is as good as none. */
const answerWithin = 30_000;

/** The pod waits for 40 s at least before it takes the client for gone. */
const returnWithin = 50_000;

/** A capture that is held. */
export interface Lease {
  readonly container: DebugContainer;
  readonly id: string;
  /** The pod had ended what ran when the lease was taken: only files are left. */
  readonly undone: boolean;
  /** Seconds for which the container outlives it. */
  readonly ttl: number;
  /** Aborts when the lease is lost for good. */
  readonly lost: AbortSignal;
  /** What the pod was given to undo, oldest first: should its container die, somebody else has to. */
  readonly kept: readonly Argv[];
  /** Adds to that. */
  keep(undo: Argv): void;
  /** All has run that was to run: should the pod take us for gone from now on, it keeps what counts, the files. */
  finished(): void;
  /** Settles as soon as the line is there; rejects when the lease is lost. */
  back(): Promise<void>;
  /** How many lines it has had. */
  lines(): number;
  /** `done` removes the capture's files from the pod, `abort` also undoes what runs. Never rejects; false when the pod has to do it alone. */
  end(word: 'done' | 'abort'): Promise<boolean>;
  /** Lets go without a word: the pod undoes what runs, and keeps files for who comes back. */
  leave(): void;
}

/** How to take it. */
export interface Holding {
  /** Seconds for which the container outlives it. */
  readonly ttl: number;
  /** It is there already, left by an earlier client. */
  readonly again?: boolean;
  /** Gives up waiting for the lease. */
  readonly signal: AbortSignal;
  /** There is nothing to come back to. */
  readonly gone?: AbortSignal;
  /** Told what the pod has to undo by now, before it does anything that needs it. */
  readonly onKept?: (kept: readonly Argv[]) => void;
  /** Told when the line is lost, and when it is back. */
  readonly onLine?: (up: boolean) => void;
}

interface Line {
  readonly execution: Execution;
  readonly undone: boolean;
  /** Why it ended; never rejects. */
  readonly over: Promise<unknown>;
  drop(reason: unknown): void;
}

/** Takes the lease on capture `id`, and takes it again whenever the line breaks. */
export async function hold(container: DebugContainer, id: string, holding: Holding): Promise<Lease> {
  const { ttl, signal, gone = new AbortController().signal, onKept = () => {}, onLine = () => {} } = holding;
  const take = (again: boolean, until: AbortSignal) => takeLine(container, ['hold', id, String(ttl), ...(again ? ['again'] : [])], until);
  const kept: Argv[] = [];
  const lost = new AbortController();
  const left = new AbortController();
  let line = await retry(() => take(holding.again === true, signal), { for: answerWithin, signal, when: isLineLost });
  let present: Promise<void> = Promise.resolve();
  let lines = 1;
  let ending = false;
  let onlyFiles = holding.again === true;

  const comeBack = async (): Promise<void> => {
    onLine(false);
    const until = AbortSignal.any([gone, left.signal]);
    line = await retry(() => take(true, until), { for: returnWithin, signal: until, when: isLineLost });
    if (line.undone && !onlyFiles) throw tooLate();
    lines += 1;
    onLine(true);
  };
  const keep = async (): Promise<void> => {
    while (!lost.signal.aborted && !left.signal.aborted) {
      await line.over;
      if (ending || left.signal.aborted) return;
      present = comeBack().catch((error: unknown) => lost.abort(error));
      await present;
    }
  };
  void keep();

  const tidy = async (word: string): Promise<boolean> => {
    await present;
    if (lost.signal.aborted) return false;
    ending = true;
    const until = AbortSignal.any([gone, left.signal]);
    let again = false;
    const tell = async (): Promise<boolean> => {
      if (again) line = await take(true, until);
      again = true;
      return toldOn(line, word);
    };
    // Nobody knows what became of a word that a line was lost with.
    return retry(tell, { for: patience, signal: until, when: isLineLost }).catch((error: unknown) => error instanceof NotThere);
  };
  const leave = (reason: unknown) => {
    left.abort(reason);
    line.drop(reason);
  };
  return {
    container,
    id,
    undone: line.undone,
    ttl,
    lost: lost.signal,
    kept,
    keep(undo) {
      kept.push(undo);
      onKept([...kept]);
    },
    finished() {
      onlyFiles = true;
    },
    async back() {
      await present;
      lost.signal.throwIfAborted();
    },
    lines: () => lines,
    async end(word) {
      const ended = await Promise.race([tidy(word), sleep(2 * patience, false, { ref: false })]);
      leave(new KprofError('timeout', 'The pod did not clean up in time'));
      return ended;
    },
    leave: () => leave(new KprofError('interrupted', 'The capture was left')),
  };
}

async function takeLine(container: DebugContainer, words: readonly string[], signal: AbortSignal): Promise<Line> {
  const { promise: answered, resolve, reject } = Promise.withResolvers<boolean>();
  const stop = new AbortController();
  const late = setTimeout(
    () =>
      stop.abort(
        new KprofError('timeout', `The debug container ${container.name} did not answer within ${answerWithin / 1000}s`, { lost: true }),
      ),
    answerWithin,
  );
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  let said = '';
  const execution = start(container, words, {
    stdout: (bytes) => {
      if (said.length < 100) said += Buffer.from(bytes).toString('latin1');
      if (said.includes('\n')) resolve(said.startsWith('undone'));
    },
    signal: stop.signal,
  });
  const over = execution.done.then(
    ({ code }) => ended(container, code),
    (error: unknown) => error,
  );
  void over.then(reject);
  answered.catch(() => {}); // it may come when nobody waits any more
  try {
    signal.throwIfAborted();
    const undone = await answered;
    return { execution, undone, over, drop: (reason) => stop.abort(reason) };
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Says the word until the line ends: whether the pod has done what it asks for. */
async function toldOn({ execution }: Line, word: string): Promise<boolean> {
  const say = () => execution.send(`${word}\n`);
  const timer = setInterval(say, 3000);
  try {
    say();
    return (await execution.done).code === 0;
  } finally {
    clearInterval(timer);
  }
}

/** Somebody has ended the capture, and taken its files away. */
class NotThere extends KprofError {}

const ended = ({ name }: DebugContainer, code: number): KprofError =>
  code === noSuchCapture
    ? new NotThere('gone', `The capture is no longer in ${name}`)
    : new KprofError('failed', `The debug container ${name} let go of the capture`, { lost: true });

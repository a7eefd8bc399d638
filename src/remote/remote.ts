/** Commands in the debug container, each with a heartbeat, a deadline and a cap on what it may print. */
import type { DebugContainer, Execution, Io } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import { retry } from '../retry.ts';
import type { Argv } from '../toolkit.ts';
import type { Lease } from './lease.ts';
import { command } from './script.ts';

const heartbeat = 5_000;

const kibi = 1024;

/** inroot's and the script's exit code when the process is another one by now. */
const processGone = 5;

/** The script's exit code when the capture is not there any more. */
export const noSuchCapture = 75;

/** The pod took us for gone, and undid the capture. */
export const tooLate = (): KprofError =>
  new KprofError('failed', 'The pod has ended the capture: the line was lost for too long, or somebody stopped it', {
    hint: 'run the same command again',
  });

/** What a command is for, and what it may cost. */
export interface Bounds {
  /** For errors: fits after «could not». */
  readonly what: string;
  /** Milliseconds. */
  readonly deadline?: number;
  /** Bytes of stdout. */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
  /** Lines for its stdin, before the heartbeat. */
  readonly input?: readonly string[];
}

/** What a command printed; both texts are the target's to forge. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts one of the script's verbs and keeps its heart beating until it ends. */
export function start(container: DebugContainer, words: readonly string[], io: Io): Execution {
  const execution = container.exec(command(...words), io);
  const timer = setInterval(() => execution.send('\n'), heartbeat);
  const done = execution.done.finally(() => clearInterval(timer));
  done.catch(() => {}); // whoever awaits it hears of it
  // When its time is up in the middle of a line, busybox's `read` forgets what it had of it. An empty line can't be
  // torn, and gives the word behind it a whole second.
  return { send: (text) => execution.send(`\n${text}`), done };
}

function collector(limit: number, tooMuch: () => void) {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  return {
    sink: (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > limit) tooMuch();
      else chunks.push(chunk);
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

/** Runs a verb to its end and gives what it printed. Rejects when the line is lost, at the deadline, or when it prints more than allowed. */
export async function ask(container: DebugContainer, words: readonly string[], bounds: Bounds): Promise<Printed> {
  const { what, deadline = 30_000, maxBytes = kibi * kibi, signal, input = [] } = bounds;
  signal.throwIfAborted();
  const stop = new AbortController();
  const expired = () => stop.abort(new KprofError('timeout', `${container.name} could not ${what} within ${deadline / 1000}s`));
  const timer = setTimeout(expired, deadline);
  const out = collector(maxBytes, () =>
    stop.abort(new KprofError('failed', `${container.name} could not ${what}: it printed more than ${maxBytes} bytes`)),
  );
  const err = collector(64 * kibi, () => {});
  try {
    const execution = start(container, words, { stdout: out.sink, stderr: err.sink, signal: AbortSignal.any([signal, stop.signal]) });
    for (const line of input) execution.send(`${line}\n`);
    const { code } = await execution.done;
    return { code, stdout: out.text(), stderr: err.text() };
  } finally {
    clearTimeout(timer);
  }
}

/** Like `ask`, and gives stdout; rejects with what the command said when it failed. */
export async function answerOf(container: DebugContainer, words: readonly string[], bounds: Bounds): Promise<string> {
  const printed = await ask(container, words, bounds);
  if (printed.code === 0) return printed.stdout;
  if (printed.code === noSuchCapture && words[0] === 'step') throw tooLate();
  const said = (printed.stderr.trim() || printed.stdout.trim()).slice(0, 2000);
  if (printed.code === processGone && /^(inroot|kprof): process \d+ (is gone|ended)$/m.test(said))
    throw new KprofError('gone', 'The process ended while it was looked at', { cause: said });
  throw new KprofError('failed', `${container.name} could not ${bounds.what}: exit code ${printed.code}`, { cause: said || undefined });
}

/** One step of a capture. */
export interface Kept {
  /** NUMBER.undo or NUMBER.litter, five digits: whether it is undone with what runs or with the files; the highest first. */
  readonly name: string;
  readonly undo: Argv | undefined;
  readonly run: Argv;
}

/** Runs a step of a capture and gives its stdout. The pod keeps the undo before the step runs; when the line breaks the step goes on, and is asked for again. */
export async function step(lease: Lease, { name, undo, run }: Kept, bounds: Bounds): Promise<string> {
  const kept = undo ?? [];
  if ([...kept, ...run].some((word) => word.includes('\n')))
    throw new KprofError('failed', 'A command of several lines can not be kept in the pod');
  if (undo !== undefined) lease.keep(undo);
  const words = ['step', lease.id, name, String(kept.length), ...kept, ...run];
  return persist(lease, () => answerOf(lease.container, words, bounds), bounds.signal);
}

/** Tries again, once the lease is there, what a broken line took. To be used for what may be asked twice. */
export const persist = <T>(lease: Lease, attempt: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retry(
    async () => {
      await lease.back();
      return attempt();
    },
    { for: 50_000, signal, when: isLineLost },
  );

/** Commands in the debug container, each with a heartbeat, a deadline and a cap on what it may print. */
import { createHash } from 'node:crypto';
import type { DebugContainer, Execution, Io } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import { retry } from '../retry.ts';
import type { Argv } from '../toolkit.ts';
import type { Lease } from './lease.ts';
import { command } from './script.ts';

const heartbeat = 5_000;

/** Milliseconds, where nothing has begun that would have to be stopped meanwhile. */
const lineBackWithin = 30_000;

const kibi = 1024;
const longestLine = 200;

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
  let last = Buffer.alloc(0);
  return {
    sink: (chunk: Uint8Array) => {
      bytes += chunk.length;
      last = Buffer.concat([last, chunk.subarray(-longestLine)]).subarray(-longestLine);
      if (bytes > limit) tooMuch();
      else chunks.push(chunk);
    },
    last: () => last.toString('latin1'),
    text: () => Buffer.concat(chunks).toString('utf8'),
    digest: () => {
      const hash = createHash('sha256');
      for (const chunk of chunks) hash.update(chunk);
      return hash.digest('hex');
    },
  };
}

/** The line that stderr ends with. */
const account = /\n?kprof-answer (\d{1,3}) ([0-9a-f]{64})\n$/;

/**
 * Runs a verb to its end and gives what it printed. Rejects when the line is lost, at the deadline, or when it prints more than allowed; and
 * as a lost line when what came is not what the pod says that it sent: a broken line may call what it lost a success.
 */
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
    const [, told, digest] = account.exec(err.last()) ?? [];
    if (told === undefined ? code === 0 : Number(told) !== code || digest !== out.digest())
      throw new KprofError('failed', `The line lost a part of what ${container.name} answered`, { lost: true });
    return { code, stdout: out.text(), stderr: err.text().replace(account, '') };
  } finally {
    clearTimeout(timer);
  }
}

/** Like `ask`, and asks again for what the line lost: of what changes nothing, or may be done twice. */
export const insist = (container: DebugContainer, words: readonly string[], bounds: Bounds): Promise<Printed> =>
  retry(() => ask(container, words, bounds), { for: lineBackWithin, signal: bounds.signal, when: isLineLost });

/** Tells it to end. It may be gone; else it ends by itself when it is idle. */
export async function end(container: DebugContainer): Promise<void> {
  await ask(container, ['end'], { what: 'end', signal: AbortSignal.timeout(10_000) }).catch(() => {});
}

/** Like `ask`, and gives stdout; rejects with what the command said when it failed. */
export const answerOf = async (container: DebugContainer, words: readonly string[], bounds: Bounds, how = ask): Promise<string> =>
  answer(container, await how(container, words, bounds), bounds);

/** The same of a step. */
async function resultOf(container: DebugContainer, words: readonly string[], bounds: Bounds): Promise<string> {
  const printed = await ask(container, words, bounds);
  if (printed.code === noSuchCapture) throw tooLate();
  return answer(container, printed, bounds);
}

function answer(container: DebugContainer, printed: Printed, bounds: Bounds): string {
  if (printed.code === 0) return printed.stdout;
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
  return persist(lease, () => resultOf(lease.container, words, bounds), bounds.signal);
}

/** Without a line for so long it is enough. */
const patience = 50_000;

/**
 * Tries again, once the lease is there, what a broken line took. To be used for what may be asked twice. However often the line breaks in the
 * hour that a step takes, each time that it was there in between is a beginning.
 */
export function persist<T>(lease: Lease, attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let long = 0;
  const once = async (): Promise<T> => {
    await lease.back();
    const began = performance.now();
    return attempt().finally(() => {
      if (performance.now() - began > patience) long += 1;
    });
  };
  return retry(once, { for: patience, far: () => lease.lines() + long, signal, when: isLineLost });
}

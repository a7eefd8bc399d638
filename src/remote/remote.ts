/** Commands in the debug container, each with a heartbeat, a deadline and a cap on what it may print. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DebugContainer, Execution, Io } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Argv } from '../toolkit.ts';
import { command } from './script.ts';

const heartbeat = 5_000;

/** For the pod to clean up: each thing it undoes may take 10 s. */
const patience = 25_000;
const kibi = 1024;

/** inroot's exit code when the process is another one by now. */
const processGone = 5;

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
  return { ...execution, done };
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
  const said = (printed.stderr.trim() || printed.stdout.trim()).slice(0, 2000);
  if (printed.code === processGone && said.includes('inroot:'))
    throw new KprofError('gone', 'The process ended while it was looked at', { cause: said });
  throw new KprofError('failed', `${container.name} could not ${bounds.what}: exit code ${printed.code}`, { cause: said || undefined });
}

/** The lease on a capture: as long as it is held, the pod leaves the capture alone. */
export interface Hold {
  /** Aborts when the lease is lost. */
  readonly lost: AbortSignal;
  /** `done` removes the capture's files from the pod, `abort` also undoes what runs. Never rejects; false when the pod has to do it alone. */
  end(word: 'done' | 'abort'): Promise<boolean>;
}

/** Takes the lease on capture `id`; `ttl` in seconds is how long the container outlives it. */
export async function hold(container: DebugContainer, id: string, ttl: number, signal: AbortSignal): Promise<Hold> {
  const lost = new AbortController();
  const { promise: held, resolve, reject } = Promise.withResolvers<void>();
  const line = new AbortController();
  const execution = start(container, ['hold', id, String(ttl)], { stdout: () => resolve(), signal: line.signal });
  held.catch(() => {}); // it may come when nobody waits any more
  let ending = false;
  const end = (reason: unknown) => {
    reject(reason);
    if (!ending) lost.abort(reason);
  };
  execution.done.then(
    () => end(new KprofError('failed', `The debug container ${container.name} ended the capture`, { hint: 'run the same command again' })),
    end,
  );
  await within(held, container, signal).catch((error: unknown) => {
    line.abort(error);
    throw error;
  });
  return {
    lost: lost.signal,
    async end(word) {
      ending = true;
      if (lost.signal.aborted) return false;
      execution.send(`${word}\n`);
      const ended = execution.done.then(
        ({ code }) => code === 0,
        () => false,
      );
      const tidy = await Promise.race([ended, sleep(patience, false, { ref: false })]);
      line.abort(new KprofError('timeout', 'The pod did not clean up in time'));
      return tidy;
    },
  };
}

async function within(held: Promise<void>, container: DebugContainer, signal: AbortSignal): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new KprofError('timeout', `The debug container ${container.name} did not answer within 30s`)),
    30_000,
  );
  const stop = AbortSignal.any([signal, late.signal]);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onStop = () => reject(stop.reason);
  stop.addEventListener('abort', onStop);
  try {
    stop.throwIfAborted();
    await Promise.race([held, stopped]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

/** One step of a capture. */
export interface Kept {
  /** DIGIT.undo or DIGIT.litter: when it is undone, and in which order. */
  readonly name: string;
  readonly undo: Argv | undefined;
  readonly run: Argv;
}

/** Runs a step of capture `id` and gives its stdout; the pod keeps the undo before the step runs. */
export async function step(container: DebugContainer, id: string, { name, undo, run }: Kept, bounds: Bounds): Promise<string> {
  const kept = undo ?? [];
  if ([...kept, ...run].some((word) => word.includes('\n')))
    throw new KprofError('failed', 'A command of several lines can not be kept in the pod');
  return answerOf(container, ['step', id, name, String(kept.length), ...kept, ...run], bounds);
}

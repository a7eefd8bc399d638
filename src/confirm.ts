/** Questions before acting on production. */
import { createInterface } from 'node:readline/promises';
import { KprofError } from './errors.ts';
import type { Report } from './report.ts';
import { safeLine } from './safe.ts';

/** What a question has around it. */
export interface Asking {
  readonly report: Report;
  /** Nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

interface Question extends Asking {
  readonly ask: boolean;
  readonly yes: boolean;
  readonly why?: string;
}

/** Asks on the terminal where `ask` says so; without one, only --yes goes on. Throws when the answer is no. */
export async function confirm(what: string, { ask, yes, why = 'this looks like production', ...asking }: Question): Promise<void> {
  if (!ask || yes) return;
  if (!process.stdin.isTTY) throw new KprofError('usage', `${what}: ${why}, and nobody is there to ask`, { hint: 'add --yes' });
  await askYes(`${what}: ${why}`, asking);
}

/** Asks on the terminal. Throws when the answer is no, and the reason of `signal` when that aborts. */
export async function askYes(what: string, { report, signal }: Asking): Promise<void> {
  signal.throwIfAborted();
  report.clear();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const left = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
    const asked = terminal.question(`${safeLine(what)}. Go on? [y/N] `, { signal }).catch(() => undefined); // Ctrl-C, or the signal
    const answer = await Promise.race([asked, left]);
    signal.throwIfAborted();
    // Enter and the signal end the line of the question, Ctrl-C and Ctrl-D leave the cursor in it.
    if (answer === undefined) report.foreign('\n');
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new KprofError('interrupted', 'Nothing was done');
  } finally {
    terminal.close();
  }
}

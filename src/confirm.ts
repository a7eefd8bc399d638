/** Questions before acting on production. */
import { createInterface } from 'node:readline/promises';
import { KprofError } from './errors.ts';
import type { Report } from './report.ts';
import { safeLine } from './safe.ts';

/** Asks on the terminal where `ask` says so; without one, only --yes goes on. Throws when the answer is no. */
export async function confirm(
  what: string,
  { ask, yes, report, why = 'this looks like production' }: { ask: boolean; yes: boolean; report: Report; why?: string },
): Promise<void> {
  if (!ask || yes) return;
  if (!process.stdin.isTTY) throw new KprofError('usage', `${what}: ${why}, and nobody is there to ask`, { hint: 'add --yes' });
  await askYes(`${what}: ${why}`, report);
}

/** Asks on the terminal. Throws when the answer is no. */
export async function askYes(what: string, report: Report): Promise<void> {
  report.clear();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const left = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
    const asked = terminal.question(`${safeLine(what)}. Go on? [y/N] `).catch(() => undefined); // Ctrl-C
    const answer = await Promise.race([asked, left]);
    // Enter ends the line of the question, Ctrl-C and Ctrl-D leave the cursor in it.
    if (answer === undefined) report.foreign('\n');
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new KprofError('interrupted', 'Nothing was done');
  } finally {
    terminal.close();
  }
}

/** The report of this process: on its stderr, as wide as its terminal. */
import { createReport, type Report, wantsColor } from './report.ts';

/** Talks on stderr; `quiet` keeps warnings and errors. */
export function terminalReport({ quiet = false, verbose = 0 }: { readonly quiet?: boolean; readonly verbose?: number } = {}): Report {
  const { stderr, env } = process;
  const isTTY = stderr.isTTY === true && env['TERM'] !== 'dumb';
  return createReport({ stream: stderr, columns: stderr.columns || undefined, isTTY, color: wantsColor(env, isTTY), quiet, verbose });
}

/** How wide a text for this stream may be; what is not for a screen is never cut. */
export const columns = ({ isTTY, columns: wide }: NodeJS.WriteStream): number => (isTTY === true ? wide || 80 : Number.POSITIVE_INFINITY);

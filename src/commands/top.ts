/** `kprof top FILE`: what stands out in a profile, on stdout. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import type { Summary } from '../formats/format.ts';
import { recognise } from '../formats/index.ts';
import { printResult } from '../print.ts';
import { safe, safeJson } from '../safe.ts';
import { columns } from '../terminal.ts';
import type { Perform } from './around.ts';

/** How much is printed, and for whom. */
export interface Shown {
  readonly lines: number;
  readonly output: 'json' | 'text' | undefined;
}

/** The text to print. Throws when the file is of no kind that kprof knows, or is not whole. */
export async function top(words: readonly string[], shown: Shown): Promise<string> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof top takes one file', { hint: 'kprof top cpu.pb.gz; two are compared by kprof diff' });
  const path = resolve(file);
  const format = await recognise(path);
  return print(await format.check(path), { path, format: format.name }, shown);
}

/** What stands out, for a person or a script. */
export function print({ text, details, facts }: Summary, of: Readonly<Record<string, string>>, { lines, output }: Shown): string {
  if (output === 'json') return `${safeJson({ apiVersion: 'kprof.dev/v1', kind: 'Summary', ...of, summary: facts })}\n`;
  // A table is as long as was asked for.
  return `${safe(text)}\n${details === undefined ? '' : `${safe(details(columns(process.stdout), lines), Number.POSITIVE_INFINITY)}\n`}`;
}

export const run: Perform = async (words, options) => printResult(await top(words, options as unknown as Shown));
